import type { Operation } from "../../../api/operations.js";
import type { TaskFilter } from "../../../api/tasks.js";
import { api } from "../../api/client.js";
import { type Action, type ActionOptions, useAction } from "../../api/use-action.js";
import { ConfirmDialog } from "../../components/confirm-dialog.js";
import { whole } from "../../components/table-texts.js";
import type { BulkAction } from "./fitting-actions.js";
import { useStopCounts } from "./use-stop-counts.js";

/** What is to be done with several tasks: some by their ids, or all that match a filter. */
export interface BulkRequest {
  readonly action: BulkAction;
  /** "tasks that match", "failures of blog.scrape": stands behind the count. */
  readonly what: string;
  /** How many it will act on, as far as is known; the server counts again. */
  readonly count: number;
  readonly ids?: readonly string[];
  readonly filter?: TaskFilter;
}

const VERBS: Readonly<Record<BulkAction, string>> = {
  rerun: "Re-run",
  retry: "Retry",
  revoke: "Revoke",
  terminate: "Terminate",
  forget: "Forget",
};
const CONSEQUENCES: Readonly<Record<BulkAction, string>> = {
  rerun: "Each is sent once more under a new id, with the same arguments.",
  retry: "Each is sent once more under its own id, with the same arguments.",
  revoke: "Workers drop them when they come to them. That cannot be taken back.",
  terminate: "They are ended in the middle of what they do. That cannot be taken back.",
  forget: "Their records, events and logs are deleted from this console. The result backend keeps its own.",
};
const DANGEROUS: ReadonlySet<BulkAction> = new Set(["revoke", "terminate", "forget"]);
/** Ending more than these asks for the number to be typed. */
const TERMINATES_UNASKED = 10;

/** What a button of the action says. */
export function bulkVerb(action: BulkAction): string {
  return VERBS[action];
}

/** Whether to ask before: for what cannot be taken back, and for everything that reaches beyond what is seen. */
export function needsConfirmation({ action, filter }: BulkRequest): boolean {
  return DANGEROUS.has(action) || filter !== undefined;
}

/** Starts an operation over many tasks. With `failed`, a refusal is told as a notice that begins so. */
export function useStartBulk(
  onStarted: (operation: Operation) => void,
  options: Pick<ActionOptions<Operation>, "failed" | "refused"> = {},
): Action<[BulkRequest]> {
  return useAction(
    (key, { action, ids, filter, count }: BulkRequest) =>
      api.post<Operation>(
        "operations",
        {
          // Over a filter, ending means those that run by then: what waits is left alone.
          ...(action === "terminate" && filter !== undefined
            ? { kind: "stop-all", waiting: false, running: true }
            : { kind: action }),
          ...(ids !== undefined ? { ids } : { filter }),
          ...(action === "terminate" && (filter !== undefined || count > TERMINATES_UNASKED) && { confirm: count }),
        },
        { idempotencyKey: key },
      ),
    { done: onStarted, refresh: ["tasks", "errors", "operations"], ...options },
  );
}

export interface BulkDialogProps {
  readonly request: BulkRequest;
  readonly onClose: () => void;
  readonly onStarted: (operation: Operation) => void;
}

/** Asks before many tasks are acted on; names the count and the consequence. */
export function BulkDialog({ request, onClose, onStarted }: BulkDialogProps) {
  const { action, filter, what } = request;
  const ends = action === "terminate" && filter !== undefined;
  const { known, hold, release } = useStopCounts(filter, ends);
  const count = (ends ? known?.running : undefined) ?? request.count;
  const start = useStartBulk(
    (operation) => {
      onStarted(operation);
      onClose();
    },
    { refused: release },
  );
  const verb = VERBS[action];
  const typed = action === "terminate" && count > TERMINATES_UNASKED;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={`${verb} ${whole(count)} ${what}`}
      verb={`${verb} ${whole(count)} ${count === 1 ? "task" : "tasks"}`}
      danger={DANGEROUS.has(action)}
      typed={typed ? String(count) : undefined}
      onTyping={hold}
      onConfirm={() => start.run({ ...request, count })}
      pending={start.pending}
      problem={start.problem}
    >
      <p>{CONSEQUENCES[action]}</p>
      {request.filter !== undefined && (
        <p className="lv-muted">
          They are counted again when it starts. What has changed its state by then is skipped. It goes on without this
          page, and can be cancelled in Operations.
        </p>
      )}
    </ConfirmDialog>
  );
}
