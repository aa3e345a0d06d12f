/** Seconds over which rate and lag are told. */
const WINDOW = 10;

interface Second {
  readonly at: number;
  count: number;
  slowest: number;
}

/** How many events were heard, and how long they took to be written, over the last ten seconds. */
export class IngestMeter {
  readonly #monotonic: () => number;
  #seconds: Second[] = [];

  /** @param monotonic seconds on a clock that never jumps */
  constructor(monotonic: () => number = () => performance.now() / 1000) {
    this.#monotonic = monotonic;
  }

  heard(count: number): void {
    this.#now().count += count;
  }
  /** @param seconds from hearing the oldest of a batch to having written it */
  wrote(seconds: number): void {
    const now = this.#now();
    now.slowest = Math.max(now.slowest, seconds);
  }

  get ratePerSecond(): number {
    return this.#recent().reduce((sum, { count }) => sum + count, 0) / WINDOW;
  }
  /** The longest in the window, in seconds; null when nothing was written in it. */
  get lag(): number | null {
    const slowest = Math.max(...this.#recent().map((each) => each.slowest), -1);
    return slowest < 0 ? null : slowest;
  }

  #now(): Second {
    const at = Math.floor(this.#monotonic());
    const last = this.#seconds.at(-1);
    if (last?.at === at) return last;
    const second = { at, count: 0, slowest: -1 };
    this.#seconds = [...this.#recent(), second];
    return second;
  }

  #recent(): readonly Second[] {
    const oldest = Math.floor(this.#monotonic()) - WINDOW;
    return this.#seconds.filter(({ at }) => at >= oldest);
  }
}
