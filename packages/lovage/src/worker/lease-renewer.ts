import { setImmediate as nextTurn } from "node:timers/promises";
import type { Delivery } from "../brokers/broker.js";
import { LeaseLostError } from "../errors.js";
import type { Clock } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import type { Service } from "../util/service.js";

interface Hold {
  /** On the monotonic clock: the lease surely lasts until then. */
  until: number;
  readonly onLost: () => void;
}

/**
 * Keeps the leases of all deliveries this worker holds, running or waiting, so that a long task is never run twice for being
 * long. Runs on the worker's main thread, which user code cannot block.
 */
export class LeaseRenewer implements Service {
  readonly #leaseSeconds: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #holds = new Map<Delivery, Hold>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: { leaseSeconds: number; clock: Clock; logger: Logger }) {
    this.#leaseSeconds = options.leaseSeconds;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  async start(): Promise<void> {
    if (!this.#cancelTimer) this.#schedule();
  }

  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** From now until `release`, the delivery stays held. `onLost` is called once if another worker got it after all. */
  hold(delivery: Delivery, onLost: () => void): void {
    this.#holds.set(delivery, { until: this.#clock.monotonic() + this.#leaseSeconds, onLost });
  }

  release(delivery: Delivery): void {
    this.#holds.delete(delivery);
  }

  /** Whether the delivery is surely still ours, and will be for a while, as far as can be told without asking. */
  isFresh(delivery: Delivery): boolean {
    const hold = this.#holds.get(delivery);
    // Half the lease is kept in reserve for what happens between this check and the write that it allows.
    return hold !== undefined && hold.until - this.#clock.monotonic() > this.#leaseSeconds / 2;
  }

  /**
   * Whether the delivery is surely still ours. Costs nothing while the lease is fresh; when this process was frozen or starved, the
   * broker is asked. Called before anything of a run is made known, so that a zombie keeps silent.
   */
  async confirm(delivery: Delivery): Promise<boolean> {
    if (this.isFresh(delivery)) return true;
    const hold = this.#holds.get(delivery);
    return hold !== undefined && (await this.#extend(delivery, hold));
  }

  #schedule(): void {
    this.#cancelTimer = this.#clock.after(
      this.#leaseSeconds / 3,
      () => {
        for (const [delivery, hold] of this.#holds) void this.#extend(delivery, hold);
        this.#schedule();
      },
      { unref: true },
    );
  }

  async #extend(delivery: Delivery, hold: Hold): Promise<boolean> {
    const asked = this.#clock.monotonic();
    try {
      await delivery.extend(this.#leaseSeconds);
      hold.until = asked + this.#leaseSeconds;
      return true;
    } catch (error) {
      // A renewal on the heels of the acknowledgement finds the lease ended, not lost: whoever acknowledged releases it in this turn.
      await nextTurn();
      if (!this.#holds.has(delivery)) return false;
      if (!(error instanceof LeaseLostError)) {
        // The broker may be back in time; until then the hold counts as long as it surely lasts.
        this.#logger.warn("could not renew a lease", { queue: delivery.queue, error: String(error) });
        return hold.until > this.#clock.monotonic();
      }
      this.#holds.delete(delivery);
      hold.onLost();
      return false;
    }
  }
}
