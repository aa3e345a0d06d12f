import { Button } from "@mantine/core";
import { useState } from "react";
import type { Operation } from "../../../api/operations.js";
import type { TaskFilter, TaskSummary } from "../../../api/tasks.js";
import { NeedsRole } from "../../components/needs-role.js";
import { short } from "../../components/table-texts.js";
import { useSelectedRows } from "../../components/use-selected-rows.js";
import type { Selection } from "../../components/use-selection.js";
import { BulkDialog, type BulkRequest, bulkVerb, needsConfirmation, useStartBulk } from "./bulk-dialog.js";
import { type BulkAction, fits, fittingActions } from "./fitting-actions.js";

export interface BulkActionsProps {
  readonly selection: Selection;
  readonly rows: readonly TaskSummary[];
  readonly filter: TaskFilter;
  /** Of all that match, by state. */
  readonly states: Readonly<Record<string, number>> | undefined;
  readonly onStarted: (operation: Operation) => void;
}

/** The actions that fit the states of what is selected, each with how many tasks it would act on. */
export function BulkActions({ selection, rows, filter, states, onStarted }: BulkActionsProps) {
  const [request, setRequest] = useState<BulkRequest>();
  const start = useStartBulk(onStarted, { failed: "Nothing was started" });
  const selected = useSelectedRows(selection, rows, taskKey);
  const counts = selection.allMatching ? statesOf(filter, states) : countStates(selected);
  const press = (action: BulkAction, count: number) => {
    const next: BulkRequest = selection.allMatching
      ? { action, what: "tasks that match", count, filter: narrowed(filter, action, Object.keys(counts)) }
      : { action, what: "tasks", count, ids: selected.filter((row) => fits(action, row.state)).map((row) => row.id) };
    if (needsConfirmation(next)) {
      setRequest(next);
    } else {
      start.run(next);
    }
  };
  return (
    <>
      {fittingActions(counts).map(({ action, count }) => (
        <NeedsRole key={action} role="operator">
          <Button
            size="compact-sm"
            variant="default"
            loading={start.pending}
            {...(action !== "rerun" && action !== "retry" && { c: "var(--lv-tone-bad)" })}
            onClick={() => press(action, count)}
          >
            {bulkVerb(action)} {short(count)}
          </Button>
        </NeedsRole>
      ))}
      {request !== undefined && (
        <BulkDialog request={request} onClose={() => setRequest(undefined)} onStarted={onStarted} />
      )}
    </>
  );
}

function taskKey({ id }: TaskSummary): string {
  return id;
}

function countStates(tasks: readonly TaskSummary[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of tasks) {
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

/** The counts are over all states, whatever the filter chooses of them. */
function statesOf(filter: TaskFilter, states: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const chosen = filter.state?.split(",").filter(Boolean) ?? [];
  return chosen.length === 0
    ? states
    : Object.fromEntries(Object.entries(states).filter(([state]) => chosen.includes(state)));
}

/** The filter, of states that the action fits: what does not fit need not be counted as skipped. */
function narrowed(filter: TaskFilter, action: BulkAction, states: readonly string[]): TaskFilter {
  const fitting = states.filter((state) => fits(action, state));
  return { ...filter, state: fitting.join(",") };
}
