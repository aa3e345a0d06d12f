import { Radio } from "@mantine/core";
import { useState } from "react";
import type { ActionReply } from "../../../api/common.js";
import type { TaskSummary } from "../../../api/tasks.js";
import type { WorkerDetail } from "../../../api/workers.js";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useApi } from "../../api/use-api.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";

const SIGNALS = ["SIGTERM", "SIGKILL"] as const;
type Signal = (typeof SIGNALS)[number];

export interface TerminateDialogProps {
  readonly task: Pick<TaskSummary, "id" | "name" | "worker">;
  readonly onClose: () => void;
  readonly onDone: (reply: ActionReply) => void;
}

/** Ends one running task; says what that means in its worker's pool. */
export function TerminateDialog({ task, onClose, onDone }: TerminateDialogProps) {
  const [signal, setSignal] = useState<Signal>("SIGTERM");
  const worker = useApi<WorkerDetail>(apiPath`workers/${task.worker ?? ""}`, {}, { enabled: task.worker !== null });
  const terminate = useAction(
    (key, by: Signal) =>
      api.post<ActionReply>(apiPath`tasks/${task.id}/terminate`, { signal: by }, { idempotencyKey: key }),
    {
      done: (reply) => {
        onDone(reply);
        onClose();
      },
      refresh: ["tasks"],
    },
  );
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`Terminate ${task.name ?? task.id}`}
      verb="Terminate 1 task"
      onConfirm={() => terminate.run(signal)}
      pending={terminate.pending}
      problem={terminate.problem}
    >
      <Radio.Group
        label="How"
        value={signal}
        onChange={(value) => setSignal(SIGNALS.find((each) => each === value) ?? "SIGTERM")}
      >
        <div className="lv-stack lv-radios">
          <Radio value="SIGTERM" label="TERM: it may clean up" />
          <Radio value="SIGKILL" label="KILL: at once" />
        </div>
      </Radio.Group>
      <p>{poolText(worker.data?.pool ?? null, task.worker)}</p>
    </ConfirmDialog>
  );
}

/** What ending one task does in a pool of that kind, ours or Python's. */
function poolText(pool: string | null, worker: string | null): string {
  const where = worker === null ? "Its worker" : worker;
  const kind = (pool ?? "").toLowerCase();
  if (kind.includes("prefork") || kind.includes("process")) {
    return `${where} runs it in a process of its own: that process is ended, and the pool starts another. Other tasks go on.`;
  }
  if (kind.includes("thread")) {
    return `${where} runs it in a thread: the thread is ended, and the pool starts another. Other tasks go on.`;
  }
  if (kind.includes("async") || kind.includes("solo")) {
    return `${where} runs it beside others in one process: it is recorded as revoked and its signal is aborted; code that does not heed that goes on.`;
  }
  return `${where} is told to end it. Which pool it has is not known, so what happens to code that does not listen is not either.`;
}
