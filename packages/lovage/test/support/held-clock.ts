import type { Clock } from "../../src/util/clock.js";

/** A clock that stands still until it is told to go on. */
export class HeldClock implements Clock {
  #seconds = 0;
  readonly #start: number;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  constructor(start = new Date("2026-01-01T00:00:00Z")) {
    this.#start = start.getTime();
  }

  now(): Date {
    return new Date(this.#start + this.#seconds * 1000);
  }
  monotonic(): number {
    return this.#seconds;
  }
  after(seconds: number, callback: () => void): () => void {
    const timer = { at: this.#seconds + Math.max(0, seconds), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `seconds` pass, and calls what falls due in order. */
  async advance(seconds: number): Promise<void> {
    const end = this.#seconds + seconds;
    for (let next = this.#nextDue(end); next; next = this.#nextDue(end)) {
      this.#timers.delete(next);
      this.#seconds = next.at;
      next.callback();
      await settle();
    }
    this.#seconds = end;
    await settle();
  }

  #nextDue(end: number): { at: number; callback: () => void } | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets promises that are ready go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
