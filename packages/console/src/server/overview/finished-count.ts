import { FINAL_STATES } from "../../api/tasks.js";
import type { HeardEvent } from "../parts.js";
import { WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";

const HOUR_MS = 3600_000;
const MINUTE_MS = 60_000;

interface Second {
  finished: number;
  failed: number;
}

/** Tasks that finished in the last hour, by the second: so that the overview can be asked for each second without asking the store. */
export class FinishedCount {
  readonly #seconds = new Map<number, Second>();

  /** Counts a task that was not final before. */
  note({ before, after }: HeardEvent, nowMs: number): void {
    if (!after || !FINAL_STATES.has(after.state) || (before && FINAL_STATES.has(before.state))) return;
    this.#add(nowMs, 1, after.state === "FAILURE" ? 1 : 0);
  }

  /** Goes on from what the console before this one had counted. Rejects with a `StoreError`. */
  async recall(series: SeriesStore, nowMs: number): Promise<void> {
    const stepMs = 10_000;
    const range = { label: WHOLE, fromMs: nowMs - HOUR_MS, toMs: nowMs, stepMs, as: "sum" } as const;
    const ended = (await series.read({ metric: "ended", ...range })).get(WHOLE) ?? [];
    const failed = (await series.read({ metric: "failed", ...range })).get(WHOLE) ?? [];
    for (const [at, count] of ended.entries())
      if (count !== null) this.#add(range.fromMs + at * stepMs, count, failed[at] ?? 0);
  }

  /** Tasks a minute, over the last one. */
  perMinute(nowMs: number): number {
    return this.#within(nowMs, MINUTE_MS).finished;
  }

  /** Failures of the last hour, and their share of what finished; null when nothing has. */
  failures(nowMs: number): { readonly count: number; readonly share: number | null } {
    const { finished, failed } = this.#within(nowMs, HOUR_MS);
    return { count: failed, share: finished === 0 ? null : failed / finished };
  }

  #add(atMs: number, finished: number, failed: number): void {
    const second = Math.floor(atMs / 1000);
    const sum = this.#seconds.get(second) ?? { finished: 0, failed: 0 };
    sum.finished += finished;
    sum.failed += failed;
    this.#seconds.set(second, sum);
  }

  #within(nowMs: number, spanMs: number): Second {
    const first = Math.floor((nowMs - spanMs) / 1000);
    const oldest = Math.floor((nowMs - HOUR_MS) / 1000);
    const sum = { finished: 0, failed: 0 };
    for (const [second, { finished, failed }] of this.#seconds) {
      if (second <= oldest) this.#seconds.delete(second);
      else if (second > first) {
        sum.finished += finished;
        sum.failed += failed;
      }
    }
    return sum;
  }
}
