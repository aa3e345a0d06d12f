import { type ReactNode, useState } from "react";
import type { ActionReply } from "../../../api/common.js";
import type { SentTask, TaskSummary } from "../../../api/tasks.js";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { allDone, outcomeSummary } from "../../components/outcome-list.js";
import { paths } from "../../paths.js";
import { useNotify } from "../../state/app-context.js";
import { TerminateDialog } from "./terminate-dialog.js";

type ActedOn = Pick<TaskSummary, "id" | "name" | "worker">;
type Asked = { readonly act: "revoke" | "terminate" | "forget"; readonly task: ActedOn };

/** What can be done with one task; `dialog` has to be shown somewhere. */
export interface TaskActs {
  readonly rerun: (task: ActedOn) => void;
  readonly retry: (task: ActedOn) => void;
  readonly stop: (task: ActedOn) => void;
  readonly revoke: (task: ActedOn) => void;
  readonly terminate: (task: ActedOn) => void;
  readonly forget: (task: ActedOn) => void;
  readonly pending: boolean;
  readonly dialog: ReactNode;
}

/**
 * Acts on single tasks, and says what each action did, in the worker's words. `onForgotten`: leaves the page of a task that was forgotten;
 * it would ask for it again, and a result backend that still knows it would bring half a record back.
 */
export function useTaskActs(onForgotten?: () => void): TaskActs {
  const notify = useNotify();
  const [asked, setAsked] = useState<Asked>();
  const told = (verb: string) => (reply: ActionReply) =>
    notify({
      kind: allDone(reply.outcomes) ? "done" : "problem",
      text: `${verb}: ${outcomeSummary(reply.outcomes)}`,
      ...(allDone(reply.outcomes) &&
        reply.outcomes[0] &&
        reply.outcomes[0].detail !== "" && { detail: reply.outcomes[0].detail }),
    });
  const close = () => setAsked(undefined);
  const send = (what: "rerun" | "retry") => (key: string, task: ActedOn) =>
    api.post<SentTask>(apiPath`tasks/${task.id}/` + what, {}, { idempotencyKey: key });
  const refresh = ["tasks"];
  const rerun = useAction(send("rerun"), {
    failed: "The task was not re-run",
    done: ({ id }) =>
      notify({ kind: "done", text: "Sent again under a new id", link: { label: "Open it", to: paths.task(id) } }),
    refresh,
  });
  const retry = useAction(send("retry"), {
    failed: "The task was not retried",
    done: ({ id }) =>
      notify({ kind: "done", text: "Sent again under its own id", link: { label: "Open it", to: paths.task(id) } }),
    refresh,
  });
  const stop = useAction(
    (key, task: ActedOn) => api.post<ActionReply>(apiPath`tasks/${task.id}/stop`, {}, { idempotencyKey: key }),
    {
      failed: "The task could not be asked to stop",
      done: told("Ask to stop"),
      refresh,
    },
  );
  const revoke = useAction(
    (key, task: ActedOn) => api.post<ActionReply>(apiPath`tasks/${task.id}/revoke`, {}, { idempotencyKey: key }),
    {
      done: (reply) => {
        told("Revoke")(reply);
        close();
      },
      refresh,
    },
  );
  const forget = useAction((_, task: ActedOn) => api.delete<ActionReply>(apiPath`tasks/${task.id}`), {
    done: (reply) => {
      told("Forget")(reply);
      close();
      onForgotten?.();
    },
    refresh: onForgotten ? [] : refresh,
  });
  return {
    rerun: rerun.run,
    retry: retry.run,
    stop: stop.run,
    revoke: (task) => setAsked({ act: "revoke", task }),
    terminate: (task) => setAsked({ act: "terminate", task }),
    forget: (task) => setAsked({ act: "forget", task }),
    pending: rerun.pending || retry.pending || stop.pending,
    dialog: (
      <>
        {asked?.act === "terminate" && <TerminateDialog task={asked.task} onClose={close} onDone={told("Terminate")} />}
        <ConfirmDialog
          opened={asked?.act === "revoke"}
          onClose={close}
          title={`Revoke ${nameOf(asked)}`}
          verb="Revoke 1 task"
          onConfirm={() => asked && revoke.run(asked.task)}
          pending={revoke.pending}
          problem={revoke.problem}
        >
          <p>Workers drop it when they come to it. That cannot be taken back.</p>
        </ConfirmDialog>
        <ConfirmDialog
          opened={asked?.act === "forget"}
          onClose={close}
          title={`Forget the record of ${nameOf(asked)}`}
          verb="Forget 1 record"
          onConfirm={() => asked && forget.run(asked.task)}
          pending={forget.pending}
          problem={forget.problem}
        >
          <p>Its record, events and log are deleted from this console. The result backend keeps its own.</p>
        </ConfirmDialog>
      </>
    ),
  };
}

function nameOf(asked: Asked | undefined): string {
  return asked?.task.name ?? asked?.task.id ?? "";
}
