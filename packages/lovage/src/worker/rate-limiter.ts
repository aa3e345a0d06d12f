import type { Clock } from "../util/clock.js";

interface Bucket {
  /** Tasks a second; 0 or less means no limit. */
  perSecond: number;
  /** When the next one may go, on the monotonic clock. */
  next: number;
  readonly waiting: Set<() => void>;
  cancelTimer: (() => void) | undefined;
}

/**
 * Lets the tasks of each name begin at most so often on this worker, first come first served.
 * One task goes at once, the others follow evenly: there is no burst after an idle hour.
 */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Tasks a second; undefined lifts the limit and lets go who waits. */
  setRate(task: string, perSecond: number | undefined): void {
    const bucket = this.#buckets.get(task);
    if (perSecond === undefined || perSecond <= 0) {
      this.#buckets.delete(task);
      bucket?.cancelTimer?.();
      for (const go of bucket?.waiting ?? []) go();
    } else if (bucket) {
      bucket.perSecond = perSecond;
      bucket.next = Math.min(bucket.next, this.#clock.monotonic() + 1 / perSecond);
      bucket.cancelTimer?.();
      bucket.cancelTimer = undefined;
      this.#arm(bucket);
    } else {
      this.#buckets.set(task, { perSecond, next: 0, waiting: new Set(), cancelTimer: undefined });
    }
  }

  /** Tasks a second; undefined when there is no limit. */
  rateOf(task: string): number | undefined {
    return this.#buckets.get(task)?.perSecond;
  }

  /** Whether the task has to wait for its turn. */
  limits(task: string): boolean {
    return this.#buckets.has(task);
  }

  /** Calls `go` when it is this one's turn: now, or later. The returned function gives the place up. */
  queue(task: string, go: () => void): () => void {
    const bucket = this.#buckets.get(task);
    if (!bucket) {
      go();
      return () => undefined;
    }
    bucket.waiting.add(go);
    this.#arm(bucket);
    return () => bucket.waiting.delete(go);
  }

  /** Forgets who waits and stops all timers. */
  stop(): void {
    for (const bucket of this.#buckets.values()) {
      bucket.cancelTimer?.();
      bucket.waiting.clear();
    }
  }

  #arm(bucket: Bucket): void {
    if (bucket.cancelTimer || bucket.waiting.size === 0) return;
    const wait = Math.max(0, bucket.next - this.#clock.monotonic());
    bucket.cancelTimer = this.#clock.after(wait, () => {
      bucket.cancelTimer = undefined;
      this.#letGo(bucket);
      this.#arm(bucket);
    });
  }

  #letGo(bucket: Bucket): void {
    const [first] = bucket.waiting;
    if (!first) return;
    bucket.waiting.delete(first);
    bucket.next = this.#clock.monotonic() + 1 / bucket.perSecond;
    first();
  }
}
