import type { OperationDetail } from "../../../api/operations.js";
import { FINAL_STATES } from "./task-states.js";

/** What can be done with several tasks at once. */
export const BULK_ACTIONS = ["rerun", "retry", "revoke", "terminate", "forget"] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number] & OperationDetail["kind"];

const WAITING: ReadonlySet<string> = new Set(["PENDING", "SCHEDULED", "RECEIVED", "RETRY"]);

/** Not begun, or waiting for its next try. */
export function isWaiting(state: string): boolean {
  return WAITING.has(state);
}

/** A worker has it in hand; custom states are set by running tasks. */
export function isRunning(state: string): boolean {
  return !WAITING.has(state) && !FINAL_STATES.has(state) && state !== "LOST";
}

/** Nothing more will happen to it by itself. */
export function hasEnded(state: string): boolean {
  return FINAL_STATES.has(state) || state === "LOST";
}

/** Whether an action makes sense for a task in that state. The server has the last word, for each task at that time. */
export function fits(action: BulkAction, state: string): boolean {
  switch (action) {
    case "rerun":
    // A forgotten task that is not over would come back with its next event.
    case "forget":
      return hasEnded(state);
    case "retry":
      // Workers remember the ids of revoked tasks and would not run them.
      return hasEnded(state) && state !== "SUCCESS" && state !== "REVOKED";
    case "revoke":
      // The message of a lost task may yet be handed out again.
      return isWaiting(state) || state === "LOST";
    case "terminate":
      return isRunning(state);
  }
}

/** How many of a number of tasks, counted by state, each action would act on; those that fit none are left out. */
export function fittingActions(states: Readonly<Record<string, number>>): { action: BulkAction; count: number }[] {
  return BULK_ACTIONS.map((action) => ({
    action,
    count: Object.entries(states).reduce((sum, [state, count]) => sum + (fits(action, state) ? count : 0), 0),
  })).filter((each) => each.count > 0);
}
