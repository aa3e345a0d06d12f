import { type ReactNode, useState } from "react";
import type { ActionOutcome, ActionReply } from "../../../api/common.js";
import type { QueueSummary } from "../../../api/queues.js";
import { api, apiPath, asProblem, queryText, randomKey } from "../../api/client.js";
import type { Undo } from "../../api/offer-undo.js";
import { useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { type Reply, ReplyStrip } from "../../components/reply-strip.js";
import { whole } from "../../components/table-texts.js";
import { useNotify } from "../../state/app-context.js";
import { figureText } from "./figure.js";
import { PAUSE_MEANING } from "./queue-state.js";

interface Asked {
  readonly act: "purge" | "delete";
  readonly queue: QueueSummary;
}
type Switch = "pause" | "resume";
/** `switched`: the queues that were, whatever their workers answered. */
interface Switched extends Reply {
  readonly switched: readonly string[];
}

/** What can be done with whole queues; `dialog` and `replies` have to be shown somewhere. */
export interface QueueActs {
  readonly pause: (names: readonly string[]) => void;
  readonly resume: (names: readonly string[]) => void;
  readonly purge: (queue: QueueSummary) => void;
  readonly remove: (queue: QueueSummary) => void;
  readonly pending: boolean;
  readonly replies: ReactNode;
  readonly dialog: ReactNode;
}

/** Acts on queues, and keeps in view what each worker answered. `onDeleted`: the queue is gone. */
export function useQueueActs(onDeleted: () => void = () => undefined): QueueActs {
  const notify = useNotify();
  const [asked, setAsked] = useState<Asked>();
  const [reply, setReply] = useState<Reply>();
  const close = () => setAsked(undefined);
  const switched = useAction((key, verb: Switch, names: readonly string[]) => switchQueues(key, verb, names), {
    done: setReply,
    undo: ({ switched }, verb) => undoOf(verb, switched),
    refresh: ["queues", "overview"],
  });
  const purge = useAction(
    (key, name: string) =>
      api.post<{ readonly count: number }>(apiPath`queues/${name}/purge`, { confirm: name }, { idempotencyKey: key }),
    {
      done: ({ count }) => {
        notify({ kind: "done", text: `Purged ${whole(count)} ${count === 1 ? "message" : "messages"}` });
        close();
      },
      refresh: ["queues", "overview"],
    },
  );
  const remove = useAction(
    (_, name: string) => api.delete<{ readonly count: number }>(apiPath`queues/${name}` + queryText({ confirm: name })),
    {
      done: ({ count }) => {
        notify({ kind: "done", text: "Deleted the queue", detail: `It held ${whole(count)} messages` });
        close();
        onDeleted();
      },
      refresh: ["queues", "overview"],
    },
  );
  const ask = (next: Asked) => {
    for (const action of [purge, remove]) action.clear();
    setAsked(next);
  };
  return {
    pause: (names) => switched.run("pause", names),
    resume: (names) => switched.run("resume", names),
    purge: (queue) => ask({ act: "purge", queue }),
    remove: (queue) => ask({ act: "delete", queue }),
    pending: switched.pending || purge.pending || remove.pending,
    replies: <ReplyStrip reply={reply} onClose={() => setReply(undefined)} />,
    dialog: (
      <>
        {asked?.act === "purge" && (
          <ConfirmDialog
            opened
            onClose={close}
            title={`Purge ${asked.queue.name}`}
            verb={`Purge ${messagesOf(asked.queue)}`}
            typed={asked.queue.name}
            onConfirm={() => purge.run(asked.queue.name)}
            pending={purge.pending}
            problem={purge.problem}
          >
            <p>
              Its ready and scheduled messages are deleted: their tasks will not run. What workers hold stays. That
              cannot be taken back.
            </p>
          </ConfirmDialog>
        )}
        {asked?.act === "delete" && (
          <ConfirmDialog
            opened
            onClose={close}
            title={`Delete the queue ${asked.queue.name}`}
            verb="Delete 1 queue"
            typed={asked.queue.name}
            onConfirm={() => remove.run(asked.queue.name)}
            pending={remove.pending}
            problem={remove.problem}
          >
            <p>
              It goes with its bindings and {figureText(asked.queue.total)} messages, those that workers hold too. A
              worker or sender that still names it makes it again, empty.
            </p>
          </ConfirmDialog>
        )}
      </>
    ),
  };
}

/** "56 messages", as far as the broker tells. */
function messagesOf({ ready, scheduled }: QueueSummary): string {
  if (ready.value === null) return "all messages";
  const count = ready.value + (scheduled.value ?? 0);
  return `${whole(count)} ${count === 1 ? "message" : "messages"}`;
}

function queuesText(names: readonly string[]): string {
  return names.length === 1 ? (names[0] ?? "") : `${names.length} queues`;
}

async function switchQueues(key: string, verb: Switch, names: readonly string[]): Promise<Switched> {
  const all = await Promise.all(
    names.map((name, place) => switchQueue(`${key}-${place}`, verb, name, names.length > 1)),
  );
  return {
    what: `${verb === "pause" ? "Pause" : "Resume"} ${queuesText(names)}`,
    outcomes: all.flatMap(({ outcomes }) => outcomes),
    switched: names.filter((_, place) => all[place]?.isSwitched),
  };
}

/** Pausing needs no question: it is taken back as easily. What it means is said with the offer. */
function undoOf(verb: Switch, names: readonly string[]): Undo | undefined {
  if (names.length === 0) return undefined;
  const which = queuesText(names);
  const [text, undone] = [`Paused ${which}`, `Resumed ${which}`];
  const back = (reverse: Switch) => async () => (await switchQueues(randomKey(), reverse, names)).outcomes;
  return verb === "pause"
    ? { text, undone, detail: PAUSE_MEANING, back: back("resume") }
    : { text: undone, undone: text, back: back("pause") };
}

/** One that is refused does not keep the others from being told. */
async function switchQueue(
  key: string,
  verb: Switch,
  name: string,
  several: boolean,
): Promise<{ readonly isSwitched: boolean; readonly outcomes: readonly ActionOutcome[] }> {
  const of = (worker: string) => (several ? `${name}: ${worker}` : worker);
  try {
    const { outcomes } = await api.post<ActionReply>(`${apiPath`queues/${name}`}/${verb}`, {}, { idempotencyKey: key });
    if (outcomes.length > 0)
      return { isSwitched: true, outcomes: outcomes.map((each) => ({ ...each, target: of(each.target) })) };
    const detail = verb === "pause" ? "paused; no worker consumes it now" : "resumed; no worker was told to stop";
    return { isSwitched: true, outcomes: [{ target: name, outcome: "done", detail }] };
  } catch (error) {
    const problem = asProblem(error);
    const outcome = problem.status === 0 ? "no-answer" : "refused";
    return { isSwitched: false, outcomes: [{ target: name, outcome, detail: problem.detail }] };
  }
}
