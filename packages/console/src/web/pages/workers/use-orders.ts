import { useState } from "react";
import type { ActionOutcome, ActionReply } from "../../../api/common.js";
import type { CONTROLS, WorkerDetail } from "../../../api/workers.js";
import { api, apiPath, randomKey } from "../../api/client.js";
import type { Undo } from "../../api/offer-undo.js";
import { type Action, useAction } from "../../api/use-action.js";
import type { Reply } from "../../components/reply-strip.js";
import { useMay } from "../../state/app-context.js";
import { texts } from "../../texts.js";

export type Control = (typeof CONTROLS)[number];

/** An order to one worker. */
export interface Order {
  /** "Grow by 2": heads what came of it. */
  readonly what: string;
  /** Below `workers/{name}/`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly method?: "post" | "delete";
  /** The order that takes it back, and what that comes to: offered when the worker did what it was told. */
  readonly reverse?: Omit<Order, "reverse"> & { readonly did: string; readonly undid: string };
}

/** Whether the worker did something: one that was so already has nothing to take back (Celery's words: "already consuming from"). */
export function changed({ outcome, detail }: ActionOutcome): boolean {
  return outcome === "done" && !/^already\b/i.test(detail);
}

/** What one worker can be told from here, and what it said to the last order. */
export interface OneWorkerOrders {
  readonly action: Action<[Order]>;
  /** An order whose refusal is told by the dialog that gave it. */
  readonly inDialog: Action<[Order]>;
  readonly reply: Reply | undefined;
  readonly setReply: (reply: Reply | undefined) => void;
  /** Why a control cannot be used: by role, or in the worker's own terms; null when it can. */
  readonly reason: (control: Control) => string | null;
}

/** Orders to one worker. `onDone` is called with its answer, for a dialog to close. */
export function useOrders(worker: WorkerDetail, onDone: (reply: Reply) => void = () => undefined): OneWorkerOrders {
  const [reply, setReply] = useState<Reply>();
  const may = useMay("operator");
  const send = async (key: string, { what, path, body = {}, method = "post" }: Order): Promise<Reply> => {
    const whole = `${apiPath`workers/${worker.name}`}/${path}`;
    const { outcomes } =
      method === "delete"
        ? await api.delete<ActionReply>(whole)
        : await api.post<ActionReply>(whole, body, { idempotencyKey: key });
    return { what, outcomes };
  };
  const undo = ({ outcomes }: Reply, { reverse }: Order): Undo | undefined =>
    reverse && outcomes.length > 0 && outcomes.every(changed)
      ? { text: reverse.did, undone: reverse.undid, back: async () => (await send(randomKey(), reverse)).outcomes }
      : undefined;
  const done = (answer: Reply) => {
    setReply(answer);
    onDone(answer);
  };
  return {
    action: useAction(send, { failed: "The worker was not told", done, undo, refresh: ["workers"] }),
    inDialog: useAction(send, { done, undo, refresh: ["workers"] }),
    reply,
    setReply,
    reason: (control) => (may ? (worker.controls[control]?.reason ?? null) : texts.needsRole("operator")),
  };
}
