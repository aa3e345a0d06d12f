import { Checkbox } from "@mantine/core";
import { useState } from "react";
import type { Operation } from "../../../api/operations.js";
import type { TaskFilter } from "../../../api/tasks.js";
import { api } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { ErrorState } from "../../components/page-states.js";
import { whole } from "../../components/table-texts.js";
import { useStopCounts } from "./use-stop-counts.js";

export interface StopAllDialogProps {
  /** The list's filter; undefined when nothing is filtered. */
  readonly filter: TaskFilter | undefined;
  readonly onClose: () => void;
  readonly onStarted: (operation: Operation) => void;
}

/** Ends what waits, what runs, or both: everything or what the filter shows. The server counts, and the sum is typed. */
export function StopAllDialog({ filter, onClose, onStarted }: StopAllDialogProps) {
  const [filtered, setFiltered] = useState(filter !== undefined);
  const [waiting, setWaiting] = useState(true);
  const [running, setRunning] = useState(true);
  const scope = filtered ? filter : undefined;
  const { known, answer: counts, hold, release } = useStopCounts(scope);
  const sum = known && (waiting ? known.waiting : 0) + (running ? known.running : 0);
  const stop = useAction(
    (key, confirm: number) =>
      api.post<Operation>(
        "operations",
        { kind: "stop-all", waiting, running, confirm, ...(scope !== undefined && { filter: scope }) },
        { idempotencyKey: key },
      ),
    {
      done: (operation) => {
        onStarted(operation);
        onClose();
      },
      refused: release,
      refresh: ["tasks", "operations"],
    },
  );
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={filtered ? "Stop all tasks that match" : "Stop all tasks"}
      verb={sum === undefined ? "Stop all" : `Stop ${whole(sum)} ${sum === 1 ? "task" : "tasks"}`}
      // A text that cannot be typed: nothing is stopped before it was counted, or when there is nothing to stop.
      typed={sum === undefined || sum === 0 ? "–" : String(sum)}
      onTyping={hold}
      onConfirm={() => sum !== undefined && stop.run(sum)}
      pending={stop.pending}
      problem={stop.problem}
    >
      {counts.error !== null && (
        <ErrorState error={counts.error} onRetry={() => void counts.refetch()} title="The tasks could not be counted" />
      )}
      <div className="lv-stack">
        <Checkbox
          label={`Revoke ${known === undefined ? "…" : whole(known.waiting)} waiting: workers drop them when they come to them`}
          checked={waiting}
          onChange={(event) => setWaiting(event.currentTarget.checked)}
        />
        <Checkbox
          label={`Terminate ${known === undefined ? "…" : whole(known.running)} running: they end in the middle of what they do`}
          checked={running}
          onChange={(event) => setRunning(event.currentTarget.checked)}
        />
        {filter !== undefined && (
          <Checkbox
            label="Only what the filter shows"
            checked={filtered}
            onChange={(event) => {
              setFiltered(event.currentTarget.checked);
              release();
            }}
          />
        )}
        <p className="lv-muted">{sum === 0 ? "There is nothing to stop." : "This cannot be taken back."}</p>
      </div>
    </ConfirmDialog>
  );
}
