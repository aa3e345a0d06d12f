/** A part that runs until it is told to stop. `stop` before `start`, twice, or during `start` all work. */
export interface Service {
  /** Resolves when the part is at work. Rejects, with nothing left running, when it cannot start. */
  start(): Promise<void>;
  /** Resolves when nothing of the part runs any more. Idempotent. */
  stop(): Promise<void>;
}
