import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import type { Problem } from "../../api/common.js";
import { useNotify } from "../state/app-context.js";
import { problemNotice } from "../state/notice-board.js";
import { asProblem, randomKey } from "./client.js";
import { offerUndo, type Undo } from "./offer-undo.js";
import { refreshApi } from "./use-api.js";

export interface ActionOptions<R, A extends readonly unknown[] = readonly unknown[]> {
  /** Begins the notice of a refusal: "Could not revoke the task". Absent: nothing is said, `problem` tells. */
  readonly failed?: string;
  readonly done?: (result: R) => void;
  /** Besides `problem`: for what is shown that the refusal has made untrue. */
  readonly refused?: () => void;
  /** How to take back what was done, offered beside what it did; undefined when nothing was done that could be. */
  readonly undo?: (result: R, ...args: A) => Undo | undefined;
  /** Paths whose answers are asked again afterwards: `["tasks", "overview"]`. */
  readonly refresh?: readonly string[];
}

export interface Action<A extends readonly unknown[]> {
  /** Does nothing while it is under way: a double click acts once. */
  readonly run: (...args: A) => void;
  readonly pending: boolean;
  readonly problem: Problem | undefined;
  readonly clear: () => void;
}

/**
 * An unsafe request that a person starts. `act` is given a key for `idempotencyKey`, which stays the same until the action has succeeded:
 * pressing again after a lost answer does not act twice.
 */
export function useAction<A extends readonly unknown[], R>(
  act: (key: string, ...args: A) => Promise<R>,
  options: ActionOptions<R, A> = {},
): Action<A> {
  const client = useQueryClient();
  const notify = useNotify();
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const key = useRef<{ readonly for: string; readonly key: string }>(undefined);
  const busy = useRef(false);

  const attempt = async (args: A) => {
    // Other arguments are another action.
    const purpose = JSON.stringify(args);
    if (key.current?.for !== purpose) key.current = { for: purpose, key: randomKey() };
    setPending(true);
    setProblem(undefined);
    try {
      const result = await act(key.current.key, ...args);
      key.current = undefined;
      options.done?.(result);
      const undo = options.undo?.(result, ...args);
      if (undo) offerUndo(notify, undo, () => void refreshApi(client, ...(options.refresh ?? [])));
    } catch (error) {
      const refusal = asProblem(error);
      // The server answered: the next try is a new one. Without an answer, or when its time was over, it may have acted.
      if (refusal.status !== 0 && refusal.status !== 504) key.current = undefined;
      setProblem(refusal);
      options.refused?.();
      if (options.failed !== undefined) notify(problemNotice(options.failed, refusal));
    } finally {
      busy.current = false;
      setPending(false);
      if (options.refresh) await refreshApi(client, ...options.refresh);
    }
  };
  const run = (...args: A) => {
    if (busy.current) return;
    busy.current = true;
    void attempt(args);
  };
  return { run, pending, problem, clear: useCallback(() => setProblem(undefined), []) };
}
