import { ConfigurationError } from "../errors.js";
import type { Clock } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import type { Service } from "../util/service.js";
import type { Pool } from "./pools/pool.js";

export interface AutoscaleRange {
  readonly min: number;
  readonly max: number;
}

/** Seconds between two looks. */
const INTERVAL = 1;
/** Seconds a pool must have been larger than needed before it shrinks. Celery's AUTOSCALE_KEEPALIVE. */
const KEEPALIVE = 30;

export interface AutoscalerOptions {
  readonly pool: Pool;
  readonly range: AutoscaleRange;
  /** Tasks this worker has in hand, running or waiting. */
  readonly load: () => number;
  /** Called after the size changed. */
  readonly onResize: (size: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps the pool between two sizes: grows at once when tasks wait, shrinks when it has had slots to spare for a while. */
export class Autoscaler implements Service {
  readonly #options: AutoscalerOptions;
  #range: AutoscaleRange;
  #spareSince: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#range = options.range;
  }

  get range(): AutoscaleRange {
    return this.#range;
  }

  /** Throws a `ConfigurationError` for a range that is none. */
  async setRange(range: Partial<AutoscaleRange>): Promise<AutoscaleRange> {
    this.#range = checkRange({ ...this.#range, ...range });
    await this.look();
    return this.#range;
  }

  async start(): Promise<void> {
    if (!this.#cancelTimer) this.#schedule();
  }
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Compares size and load now and does what follows. */
  async look(): Promise<void> {
    const { pool, load, clock } = this.#options;
    const wanted = Math.min(this.#range.max, Math.max(this.#range.min, load()));
    if (wanted > pool.size) {
      this.#spareSince = undefined;
      await this.#resize(wanted - pool.size);
    } else if (wanted === pool.size) {
      this.#spareSince = undefined;
    } else {
      this.#spareSince ??= clock.monotonic();
      const mustShrink = pool.size > this.#range.max;
      if (mustShrink || clock.monotonic() - this.#spareSince >= KEEPALIVE) await this.#resize(wanted - pool.size);
    }
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(
      INTERVAL,
      () => {
        this.#schedule();
        void this.look();
      },
      { unref: true },
    );
  }

  async #resize(by: number): Promise<void> {
    const { pool, onResize, logger } = this.#options;
    try {
      await (by > 0 ? pool.grow(by) : pool.shrink(-by));
      logger.info(`autoscale: the pool has ${pool.size} slots now`);
      onResize(pool.size);
    } catch (error) {
      logger.warn("autoscale could not change the pool", { by, error: String(error) });
    }
  }
}

export function checkRange(range: AutoscaleRange): AutoscaleRange {
  const { min, max } = range;
  if (Number.isInteger(min) && Number.isInteger(max) && min >= 1 && max >= min) return range;
  throw new ConfigurationError(`autoscale takes max,min with max ≥ min ≥ 1, as in 10,3; got ${max},${min}`, {
    code: "bad_autoscale",
  });
}
