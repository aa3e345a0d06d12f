const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

/** Lengths of buckets, and for how long each is kept. Each is made of those of the one before when they are done. */
export const RESOLUTIONS = [
  { stepMs: 10 * SECOND_MS, keptMs: 2 * HOUR_MS },
  { stepMs: 60 * SECOND_MS, keptMs: 48 * HOUR_MS },
  { stepMs: HOUR_MS, keptMs: 90 * DAY_MS },
] as const;

/** Which points of a metric, and what of them. */
export interface SeriesRequest {
  readonly metric: string;
  /** Left out: all. */
  readonly label?: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly as: "sum" | "last" | "p50" | "p95" | "p99" | "count";
}

/** Counters and durations over time, in buckets of 10 s (2 h), 1 min (48 h) and 1 h (90 days). */
export interface SeriesStore {
  /** Adds to a counter. `labels` in a fixed order: `["queue", "images"]`. */
  count(metric: string, label: string, by: number, atMs: number): void;
  /** A duration in seconds, for percentiles. */
  observe(metric: string, label: string, seconds: number, atMs: number): void;
  /** A figure as it stands now; the last of a bucket is kept. */
  gauge(metric: string, label: string, value: number, atMs: number): void;
  /**
   * Lines by label; of one label where the request names one. Points are `stepMs` apart from `fromMs` (rounded down to a whole step) up
   * to, not including, `toMs`; null where nothing was added, but a sum is 0 there if the line has anything at all.
   */
  read(request: SeriesRequest): Promise<ReadonlyMap<string, readonly (number | null)[]>>;
  /** Resolves when all that was added so far is written. Rejects with a `StoreError`; it is kept and tried again. */
  flush(): Promise<void>;
}
