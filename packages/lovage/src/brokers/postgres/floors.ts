import type { QueueRow } from "./topology.js";

/** Milliseconds after which nothing is published below a position any more, but by transactions that took longer than that. */
const AGE_MS = 2000;
/** Milliseconds between readings from the very beginning, at least, and in proportion to what one takes. */
const WHOLE_MS = 1000;
const WHOLE_SHARE = 20;

interface Floor {
  /** Where to begin. */
  at: number;
  /** What will be `at` when it is old enough. */
  next: number;
  highest: number;
  sinceMs: number;
}

/**
 * From where in its queues a consumer reads. What was claimed leaves dead rows behind at the head of the index, and each claim would walk
 * over them: until a vacuum removes them, and longer while any old transaction in the database, a backup say, could still see them. So it
 * begins where it was a while ago, and now and again at the very beginning. Measured with 200,000 dead rows that nothing may remove, on a
 * busy machine: publish to delivery 45 ms without floors; with them, publish to acknowledgement about as long as without the rows (10 ms).
 *
 * Not on queues with priorities, where the most urgent come in at the head.
 */
export class Floors {
  readonly #floors = new Map<number, Floor>();
  #wholeFromMs = 0;

  /** Positions to begin at, one for each queue; `whole` when they are all the beginning. */
  of(queues: readonly QueueRow[]): { readonly positions: readonly number[]; readonly whole: boolean } {
    const whole = performance.now() >= this.#wholeFromMs;
    return { positions: queues.map((queue) => (whole ? 0 : this.#floorOf(queue))), whole };
  }

  /** Milliseconds until the next reading from the beginning. */
  get wholeInMs(): number {
    return Math.max(0, this.#wholeFromMs - performance.now());
  }

  /** Something was put back: it may be anywhere. */
  reset(): void {
    this.#wholeFromMs = 0;
  }

  /** A reading from the beginning took so long. */
  wholeTook(ms: number): void {
    this.#wholeFromMs = performance.now() + Math.max(WHOLE_MS, ms * WHOLE_SHARE);
  }

  claimed(queueId: number, position: number): void {
    const nowMs = performance.now();
    const floor = this.#floors.get(queueId) ?? { at: 0, next: 0, highest: 0, sinceMs: nowMs };
    this.#floors.set(queueId, floor);
    floor.highest = Math.max(floor.highest, position);
    if (nowMs - floor.sinceMs < AGE_MS) return;
    floor.at = floor.next;
    floor.next = floor.highest;
    floor.sinceMs = nowMs;
  }

  #floorOf({ id, maxPriority }: QueueRow): number {
    return maxPriority === undefined ? (this.#floors.get(id)?.at ?? 0) : 0;
  }
}
