import { type ReactNode, useState } from "react";
import type { ActionOutcome, ActionReply } from "../../../api/common.js";
import { api, apiPath, asProblem, randomKey } from "../../api/client.js";
import type { Undo } from "../../api/offer-undo.js";
import { useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { type Reply, ReplyStrip } from "../../components/reply-strip.js";
import { ConsumerDialog } from "./consumer-dialog.js";
import { ShutDownDialog } from "./shutdown-dialog.js";
import { changed } from "./use-orders.js";
import { whoText, workersText } from "./workers-text.js";

type Asked =
  | { readonly act: "add" | "cancel"; readonly names: readonly string[] }
  | { readonly act: "restart" | "forget"; readonly names: readonly string[] }
  | { readonly act: "shutdown"; readonly names: readonly string[] };

/** What several workers can be told; `dialog` and `replies` have to be shown somewhere. */
export interface WorkerOrders {
  readonly ping: (names: readonly string[]) => void;
  readonly refresh: (names: readonly string[]) => void;
  /** `others`: those whose events are not so yet. */
  readonly events: (names: readonly string[], enabled: boolean, others: readonly string[]) => void;
  readonly addConsumer: (names: readonly string[]) => void;
  readonly cancelConsumer: (names: readonly string[]) => void;
  readonly restart: (names: readonly string[]) => void;
  readonly shutDown: (names: readonly string[]) => void;
  readonly forget: (names: readonly string[]) => void;
  readonly pending: boolean;
  readonly replies: ReactNode;
  readonly dialog: ReactNode;
}

interface Order {
  readonly what: string;
  /** Of `POST workers/bulk/<path>`. */
  readonly path: "ping" | "refresh" | "events" | "consumers" | "restart" | "shutdown";
  readonly body: Readonly<Record<string, unknown>> & { readonly workers: readonly string[] };
  readonly reverse?: Reverse;
}

/** How an order is taken back, at those of `workers` that did what they were told. */
interface Reverse {
  readonly did: string;
  readonly undid: string;
  readonly workers: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

async function tellAll(key: string, path: Order["path"], body: Order["body"]): Promise<readonly ActionOutcome[]> {
  return (await api.post<ActionReply>(`workers/bulk/${path}`, body, { idempotencyKey: key })).outcomes;
}

function undoOf({ outcomes }: Reply, { path, reverse }: Order): Undo | undefined {
  if (reverse === undefined) return undefined;
  const did = new Set(outcomes.filter(changed).map(({ target }) => target));
  const workers = reverse.workers.filter((name) => did.has(name));
  if (workers.length === 0) return undefined;
  return {
    text: `${whoText(workers)}: ${reverse.did}`,
    undone: `${whoText(workers)}: ${reverse.undid}`,
    back: () => tellAll(randomKey(), path, { ...reverse.body, workers }),
  };
}

/** Gives orders to workers, and keeps what each answered in view. */
export function useWorkerOrders(): WorkerOrders {
  const [asked, setAsked] = useState<Asked>();
  const [reply, setReply] = useState<Reply>();
  const close = () => setAsked(undefined);
  const order = useAction(
    async (key, { what, path, body }: Order): Promise<Reply> => ({ what, outcomes: await tellAll(key, path, body) }),
    {
      // A dialog tells a refusal itself.
      ...(asked === undefined && { failed: "The workers were not told" }),
      done: (answer) => {
        setReply(answer);
        close();
      },
      undo: undoOf,
      refresh: ["workers"],
    },
  );
  const forget = useAction(async (_, names: readonly string[]) => Promise.all(names.map(forgetWorker)), {
    done: (outcomes) => {
      setReply({ what: "Forget", outcomes });
      close();
    },
    refresh: ["workers", "overview"],
  });
  const ask = (act: Asked["act"]) => (names: readonly string[]) => {
    order.clear();
    forget.clear();
    setAsked({ act, names });
  };
  const tell: Tell = (what, path, workers, more = {}, reverse = undefined) =>
    order.run({ what, path, body: { ...more, workers }, ...(reverse && { reverse }) });
  return {
    ping: (names) => tell("Ping", "ping", names),
    refresh: (names) => tell("Refresh", "refresh", names),
    events: (names, enabled, others) => {
      const [did, undid] = enabled ? ["events on", "events off"] : ["events off", "events on"];
      tell(
        enabled ? "Events on" : "Events off",
        "events",
        names,
        { enabled },
        {
          did,
          undid,
          workers: others,
          body: { enabled: !enabled },
        },
      );
    },
    addConsumer: ask("add"),
    cancelConsumer: ask("cancel"),
    restart: ask("restart"),
    shutDown: ask("shutdown"),
    forget: ask("forget"),
    pending: order.pending || forget.pending,
    replies: <ReplyStrip reply={reply} onClose={() => setReply(undefined)} />,
    dialog: asked && (
      <OrderDialog
        asked={asked}
        onClose={close}
        tell={tell}
        forget={() => forget.run(asked.names)}
        pending={order.pending || forget.pending}
        problem={order.problem ?? forget.problem}
      />
    ),
  };
}

/** One that is refused does not keep the others from being forgotten. */
async function forgetWorker(name: string): Promise<ActionOutcome> {
  try {
    const { outcomes } = await api.delete<ActionReply>(apiPath`workers/${name}`);
    return outcomes[0] ?? { target: name, outcome: "done", detail: "forgotten" };
  } catch (error) {
    const problem = asProblem(error);
    return { target: name, outcome: problem.status === 0 ? "no-answer" : "refused", detail: problem.detail };
  }
}

type Tell = (what: string, path: Order["path"], workers: readonly string[], more?: object, reverse?: Reverse) => void;

interface OrderDialogProps {
  readonly asked: Asked;
  readonly onClose: () => void;
  readonly tell: Tell;
  readonly forget: () => void;
  readonly pending: boolean;
  readonly problem: ReturnType<typeof useAction>["problem"];
}

function OrderDialog({ asked: { act, names }, tell, forget, ...dialog }: OrderDialogProps) {
  if (act === "add" || act === "cancel") {
    return (
      <ConsumerDialog
        {...dialog}
        act={act}
        who={whoText(names)}
        onSubmit={(draft) => {
          const [consumes, left] = [`consuming ${draft.queue}`, `no longer consuming ${draft.queue}`];
          const cancel = act === "cancel";
          tell(
            cancel ? `Stop consuming ${draft.queue}` : `Consume ${draft.queue}`,
            "consumers",
            names,
            { ...draft, cancel },
            {
              did: cancel ? left : consumes,
              undid: cancel ? consumes : left,
              workers: names,
              body: { ...draft, cancel: !cancel },
            },
          );
        }}
      />
    );
  }
  if (act === "shutdown") {
    return (
      <ShutDownDialog
        {...dialog}
        names={names}
        onConfirm={(cold) => tell(cold ? "Shut down cold" : "Shut down", "shutdown", names, { cold })}
      />
    );
  }
  const one = names.length === 1;
  if (act === "restart") {
    return (
      <ConfirmDialog
        {...dialog}
        opened
        title={`Restart the pool of ${whoText(names)}`}
        verb={one ? "Restart 1 pool" : `Restart ${names.length} pools`}
        onConfirm={() => tell("Restart pool", "restart", names)}
      >
        <p className="lv-wrap-anywhere">
          {workersText(names)}: processes or threads are replaced by new ones, each when its task ends. Workers of
          Celery's end what they run.
        </p>
      </ConfirmDialog>
    );
  }
  return (
    <ConfirmDialog
      {...dialog}
      opened
      title={`Forget ${whoText(names)}`}
      verb={one ? "Forget 1 worker" : `Forget ${names.length} workers`}
      onConfirm={forget}
    >
      <p className="lv-wrap-anywhere">
        {workersText(names)} {one ? "goes" : "go"} from pages, API and metrics. Its tasks stay; should it come back, it
        is listed again.
      </p>
    </ConfirmDialog>
  );
}
