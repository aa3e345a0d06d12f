import { type ReactNode, useState } from "react";
import type { ActionOutcome, ActionReply } from "../../../api/common.js";
import type { QueueSummary } from "../../../api/queues.js";
import { api, apiPath, asProblem, queryText } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { type Reply, ReplyStrip } from "../../components/reply-strip.js";
import { whole } from "../../components/table-texts.js";
import { useNotify } from "../../state/app-context.js";
import { figureText } from "./figure.js";
import { PAUSE_MEANING } from "./queue-state.js";

type Asked =
  | { readonly act: "pause"; readonly names: readonly string[] }
  | { readonly act: "purge" | "delete"; readonly queue: QueueSummary };

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
  const switched = useAction(
    async (key, verb: "pause" | "resume", names: readonly string[]): Promise<Reply> => ({
      what: `${verb === "pause" ? "Pause" : "Resume"} ${names.length === 1 ? names[0] : `${names.length} queues`}`,
      outcomes: (
        await Promise.all(names.map((name, place) => switchQueue(`${key}-${place}`, verb, name, names.length > 1)))
      ).flat(),
    }),
    {
      done: (answer) => {
        setReply(answer);
        close();
      },
      refresh: ["queues", "overview"],
    },
  );
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
    for (const action of [switched, purge, remove]) action.clear();
    setAsked(next);
  };
  return {
    pause: (names) => ask({ act: "pause", names }),
    resume: (names) => switched.run("resume", names),
    purge: (queue) => ask({ act: "purge", queue }),
    remove: (queue) => ask({ act: "delete", queue }),
    pending: switched.pending || purge.pending || remove.pending,
    replies: <ReplyStrip reply={reply} onClose={() => setReply(undefined)} />,
    dialog: (
      <>
        {asked?.act === "pause" && (
          <ConfirmDialog
            opened
            danger={false}
            onClose={close}
            title={`Pause ${asked.names.length === 1 ? asked.names[0] : `${asked.names.length} queues`}`}
            verb={asked.names.length === 1 ? "Pause 1 queue" : `Pause ${asked.names.length} queues`}
            onConfirm={() => switched.run("pause", asked.names)}
            pending={switched.pending}
            problem={switched.problem}
          >
            <p>{PAUSE_MEANING}</p>
          </ConfirmDialog>
        )}
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

/** One that is refused does not keep the others from being told. */
async function switchQueue(
  key: string,
  verb: "pause" | "resume",
  name: string,
  several: boolean,
): Promise<ActionOutcome[]> {
  const of = (worker: string) => (several ? `${name}: ${worker}` : worker);
  try {
    const { outcomes } = await api.post<ActionReply>(`${apiPath`queues/${name}`}/${verb}`, {}, { idempotencyKey: key });
    if (outcomes.length > 0) return outcomes.map((each) => ({ ...each, target: of(each.target) }));
    const detail = verb === "pause" ? "paused; no worker consumes it now" : "resumed; no worker was told to stop";
    return [{ target: name, outcome: "done", detail }];
  } catch (error) {
    const problem = asProblem(error);
    return [{ target: name, outcome: problem.status === 0 ? "no-answer" : "refused", detail: problem.detail }];
  }
}
