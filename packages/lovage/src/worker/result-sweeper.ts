import type { ResultBackend } from "../backends/backend.js";
import type { Clock } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import type { Service } from "../util/service.js";

export interface ResultSweeperOptions {
  /** Undefined when results are off. */
  readonly backend: ResultBackend | undefined;
  /** Seconds; null or 0 for ever. */
  readonly resultExpires: number | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Seconds between two sweeps, however long results are kept. */
const LONGEST_INTERVAL = 600;
const SHORTEST_INTERVAL = 1;

/** Deletes expired results now and then, where the store does not do it by itself: Celery's `backend_cleanup` without a schedule. */
export class ResultSweeper implements Service {
  readonly #options: ResultSweeperOptions;
  #cancelTimer: (() => void) | undefined;

  constructor(options: ResultSweeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (!this.#cancelTimer && this.#options.resultExpires) this.#schedule(this.#options.resultExpires);
  }
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(expires: number): void {
    const interval = Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, expires / 4));
    this.#cancelTimer = this.#options.clock.after(
      interval,
      () => {
        this.#schedule(expires);
        void this.#sweep();
      },
      { unref: true },
    );
  }

  async #sweep(): Promise<void> {
    const { backend, clock, logger } = this.#options;
    try {
      const removed = await backend?.removeExpired(clock.now());
      if (removed) logger.debug(`removed ${removed} expired results`);
    } catch (error) {
      // The next sweep takes what this one left.
      logger.warn("could not remove expired results", { error: String(error) });
    }
  }
}
