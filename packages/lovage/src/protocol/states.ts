/** Task states, stored as Celery stores them. Source: celery-protocol 5.1. */
export const READY_STATES = ["SUCCESS", "FAILURE", "REVOKED", "REJECTED", "IGNORED"] as const;
export const UNREADY_STATES = ["PENDING", "RECEIVED", "STARTED", "RETRY"] as const;
/** Ready states whose result is an error that `get` throws. */
export const PROPAGATE_STATES = ["FAILURE", "REVOKED"] as const;

export type ReadyState = (typeof READY_STATES)[number];
/** A custom state, such as PROGRESS, is any other string and counts as unready. */
export type TaskState = ReadyState | (typeof UNREADY_STATES)[number] | (string & {});

const READY: ReadonlySet<string> = new Set(READY_STATES);
const PROPAGATE: ReadonlySet<string> = new Set(PROPAGATE_STATES);

export function isReady(state: TaskState): state is ReadyState {
  return READY.has(state);
}
export function propagates(state: TaskState): boolean {
  return PROPAGATE.has(state);
}
