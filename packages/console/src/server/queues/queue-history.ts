/** One look at a queue. */
export interface Depth {
  readonly atMs: number;
  readonly ready: number;
  /** Ready, held and scheduled. */
  readonly total: number;
}

/** The sparkline: five minutes in steps of ten seconds. */
export const SPARK_STEP_MS = 10_000;
export const SPARK_POINTS = 30;
const KEPT_MS = SPARK_STEP_MS * (SPARK_POINTS + 1);
/** Milliseconds that make a difference worth dividing by. */
const LEAST_SPAN_MS = 9000;

/** What a queue held in the last five minutes. */
export class QueueHistory {
  #depths: Depth[] = [];
  /** From before the start: points of ten seconds, by number of their step. */
  readonly #earlier = new Map<number, number>();

  add(depth: Depth): void {
    this.#depths.push(depth);
    const first = depth.atMs - KEPT_MS;
    const stale = this.#depths.findIndex(({ atMs }) => atMs >= first);
    if (stale > 0) this.#depths = this.#depths.slice(stale);
    for (const step of this.#earlier.keys()) if (step * SPARK_STEP_MS < first) this.#earlier.delete(step);
  }

  /** What was kept by the console that ran before this one. */
  recall(stepStartMs: number, ready: number): void {
    this.#earlier.set(Math.floor(stepStartMs / SPARK_STEP_MS), ready);
  }

  /** Ready messages, oldest first; null where there was no look. */
  sparkline(nowMs: number): (number | null)[] {
    const last = Math.floor(nowMs / SPARK_STEP_MS);
    const points = new Map(this.#earlier);
    for (const { atMs, ready } of this.#depths) points.set(Math.floor(atMs / SPARK_STEP_MS), ready);
    return Array.from({ length: SPARK_POINTS }, (_, at) => points.get(last - SPARK_POINTS + 1 + at) ?? null);
  }

  /** How the queue changed within the last `seconds`; undefined while it was not looked at twice, far enough apart. */
  change(
    nowMs: number,
    seconds: number,
  ): { readonly ready: number; readonly total: number; readonly seconds: number } | undefined {
    const since = nowMs - seconds * 1000;
    const first = this.#depths.find(({ atMs }) => atMs >= since);
    const last = this.#depths.at(-1);
    if (!first || !last || last.atMs - first.atMs < LEAST_SPAN_MS) return undefined;
    return {
      ready: last.ready - first.ready,
      total: last.total - first.total,
      seconds: (last.atMs - first.atMs) / 1000,
    };
  }
}
