/** Something with series under labels: a counter, a gauge or a histogram. */
export interface Removable {
  remove(labels: Record<string, string>): void;
}

/** Seconds after which the series of a worker that is gone are removed. */
const KEPT_SECONDS = 600;

/** Remembers which series there are of each worker, and removes them ten minutes after it has gone. */
export class WorkerSeries {
  readonly #series = new Map<
    string,
    Map<string, { readonly metric: Removable; readonly labels: Record<string, string> }>
  >();
  readonly #goneSinceMs = new Map<string, number>();

  /** Notes that `metric` has a series with these labels, of which `worker` is one. */
  note(name: string, metric: Removable, labels: Record<string, string> & { readonly worker: string }): void {
    const known = this.#series.get(labels.worker) ?? new Map();
    this.#series.set(labels.worker, known);
    const key = JSON.stringify([name, labels]);
    if (!known.has(key)) known.set(key, { metric, labels });
  }

  /** Removes what is of workers that have not been there for ten minutes; returns their names. */
  sweep(isThere: (worker: string) => boolean, nowMs: number): readonly string[] {
    const removed: string[] = [];
    for (const [worker, series] of this.#series) {
      if (isThere(worker)) {
        this.#goneSinceMs.delete(worker);
        continue;
      }
      const since = this.#goneSinceMs.get(worker) ?? nowMs;
      this.#goneSinceMs.set(worker, since);
      if (nowMs - since < KEPT_SECONDS * 1000) continue;
      for (const { metric, labels } of series.values()) metric.remove(labels);
      this.#series.delete(worker);
      this.#goneSinceMs.delete(worker);
      removed.push(worker);
    }
    return removed;
  }

  /** Whether it went less than ten minutes ago, or is there. */
  keeps(worker: string): boolean {
    return this.#series.has(worker);
  }
}
