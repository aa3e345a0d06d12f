import { hashKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { useLiveClient } from "../state/app-context.js";
import type { LiveEvent } from "./live.js";
import { throttle } from "./throttle.js";
import { useSteadyTopics } from "./use-live.js";

export interface LiveAnswerOptions<T> {
  /** Of the query whose answer it is. */
  readonly key: readonly unknown[];
  readonly topics: readonly string[];
  readonly merge: (answer: T, events: readonly LiveEvent[]) => Merged<T>;
  /** Milliseconds between questions at least. @default 500 */
  readonly asksEveryMs?: number | undefined;
  /** Asks again, if that is more than to ask the query again. */
  readonly refetch?: (() => void) | undefined;
}

/** The answer with the events in it: a new object when something changed. */
export interface Merged<T> {
  readonly answer: T;
  /** Whether the events do not say enough, and it is to be asked for again. */
  readonly asks: boolean;
}

interface Kept {
  readonly events: readonly LiveEvent[];
  readonly asks: boolean;
}

const NOTHING: Kept = { events: [], asks: false };
/** More events than these are not kept while an answer is on its way: it is asked for once more instead. */
const MOST_KEPT = 2_000;
/** With what comes before it, below the second within which an event is to be seen. */
const REFETCH_MS = 500;

/**
 * Keeps the answer to a query up to date with what comes under some topics. Nothing is lost between the two:
 *
 * - An answer that is on its way may have been read before an event that comes now: the event is worked in when the answer is there (and,
 *   meanwhile, into the answer before).
 * - When the stream begins to tell of a topic, the answer may be older than that, and is asked for again.
 */
export function useLiveAnswer<T>({
  key,
  topics,
  merge,
  refetch,
  asksEveryMs = REFETCH_MS,
}: LiveAnswerOptions<T>): void {
  const client = useQueryClient();
  const liveClient = useLiveClient();
  const steadyTopics = useSteadyTopics(topics);
  const latest = useRef({ key, merge, refetch });
  /** For when the answer that is on its way is there. Outlives a change of the topics. */
  const after = useRef<Kept>(NOTHING);
  useEffect(() => {
    latest.current = { key, merge, refetch };
  });
  const ask = useMemo(
    () =>
      throttle(() => {
        const now = latest.current;
        if (now.refetch) now.refetch();
        else void client.invalidateQueries({ queryKey: now.key, exact: true });
      }, asksEveryMs),
    [client, asksEveryMs],
  );
  useEffect(() => ask.cancel, [ask]);
  useEffect(() => {
    if (steadyTopics.length === 0) return;
    const isOnItsWay = () => client.getQueryState(latest.current.key)?.fetchStatus === "fetching";
    const workIn = (events: readonly LiveEvent[]) => {
      const now = latest.current;
      const answer = client.getQueryData<T>(now.key);
      if (answer === undefined) return;
      const merged = now.merge(answer, events);
      if (merged.answer !== answer) client.setQueryData(now.key, merged.answer);
      if (merged.asks && !isOnItsWay()) ask();
    };
    const unsubscribe = liveClient.subscribe(steadyTopics, {
      onEvents: (events) => {
        if (isOnItsWay()) after.current = keep(after.current, events);
        workIn(events);
      },
      onBegin: () => {
        if (isOnItsWay()) after.current = { events: [], asks: true };
        else ask();
      },
    });
    const unwatch = client.getQueryCache().subscribe((change) => {
      if (change.type !== "updated" || change.query.queryHash !== hashKey(latest.current.key)) return;
      const { action } = change;
      if (action.type !== "error" && (action.type !== "success" || action.manual === true)) return;
      const { events, asks } = after.current;
      after.current = NOTHING;
      if (asks) ask();
      else if (events.length > 0) workIn(events);
    });
    return () => {
      unsubscribe();
      unwatch();
    };
  }, [client, liveClient, steadyTopics, ask]);
}

function keep(kept: Kept, events: readonly LiveEvent[]): Kept {
  if (kept.asks || kept.events.length + events.length > MOST_KEPT) return { events: [], asks: true };
  return { events: [...kept.events, ...events], asks: false };
}
