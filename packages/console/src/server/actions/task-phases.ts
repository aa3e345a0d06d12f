import { FINAL_STATES } from "../../api/tasks.js";

/** States of tasks that nobody works on yet. `SCHEDULED` is what lists call PENDING with an ETA to come. */
export const WAITING_STATES: readonly string[] = ["PENDING", "SCHEDULED", "RECEIVED", "RETRY"];

/** waiting: can be revoked; running: can be asked to stop, or terminated; ended: it will not change by itself. */
export type TaskPhase = "waiting" | "running" | "ended" | "lost";

/** What a state means for what can be done. A custom state is one that a running task gave itself. */
export function phaseOf(state: string): TaskPhase {
  if (FINAL_STATES.has(state)) return "ended";
  if (state === "LOST") return "lost";
  return WAITING_STATES.includes(state) ? "waiting" : "running";
}
