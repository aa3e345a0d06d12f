/** Celery's states, as far as tasks of this example come to be in them. */
export const TASK_STATES = ["PENDING", "STARTED", "SUCCESS", "FAILURE", "REVOKED"] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A task as the page shows it. Instants are ISO 8601. */
export interface TaskRow {
  readonly id: string;
  readonly city: string;
  readonly state: TaskState;
  /** Steps done. */
  readonly step: number;
  readonly sentAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Its result, or why it failed. */
  readonly text: string | null;
}

export function isFinal(state: TaskState): boolean {
  return state !== "PENDING" && state !== "STARTED";
}
