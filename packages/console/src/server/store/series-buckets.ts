import { DurationHistogram } from "./duration-histogram.js";
import { RecentNames } from "./recent-names.js";

/** What a bucket holds: a sum of counts, the last figure, or durations. */
export type BucketKind = "count" | "gauge" | "duration";

/** What was added to one metric under one label in ten seconds. */
export interface Bucket {
  readonly metric: string;
  readonly label: string;
  readonly atMs: number;
  readonly kind: BucketKind;
  /** The sum, or the last figure. */
  value: number;
  /** When the last figure was taken. */
  lastMs: number;
  readonly durations: DurationHistogram | undefined;
}

/** Labels of one metric that are told apart at a time; what comes besides goes under `other`. */
const MAX_LABELS = 5000;
/** Milliseconds after which a label that is not used any more gives up its place. */
const LABEL_KEPT_MS = 3600_000;
/** Buckets that wait to be written at most. */
const MAX_WAITING = 100_000;
const OTHER_LABEL = "other";
const LABEL_LENGTH = 600;

/** Counts, figures and durations on their way to the store, in buckets of ten seconds. Bounded, whatever names come in. */
export class SeriesBuckets {
  readonly #stepMs: number;
  #buckets = new Map<string, Bucket>();
  readonly #labels = new Map<string, RecentNames>();
  readonly #nowMs: () => number;

  constructor(stepMs: number, nowMs: () => number = Date.now) {
    this.#stepMs = stepMs;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#buckets.size;
  }

  count(metric: string, label: string, by: number, atMs: number): void {
    const bucket = this.#bucket(metric, label, atMs, "count");
    if (bucket) bucket.value += by;
  }

  observe(metric: string, label: string, seconds: number, atMs: number): void {
    const bucket = this.#bucket(metric, label, atMs, "duration");
    bucket?.durations?.add(seconds);
    if (bucket) bucket.value += seconds;
  }

  gauge(metric: string, label: string, value: number, atMs: number): void {
    const bucket = this.#bucket(metric, label, atMs, "gauge");
    if (!bucket || atMs < bucket.lastMs) return;
    bucket.value = value;
    bucket.lastMs = atMs;
  }

  /** Takes all that waits. */
  take(): readonly Bucket[] {
    const taken = [...this.#buckets.values()];
    this.#buckets = new Map();
    return taken;
  }

  /** Puts back what could not be written. */
  putBack(buckets: readonly Bucket[]): void {
    for (const each of buckets) {
      const there = this.#bucket(each.metric, each.label, each.atMs, each.kind);
      if (!there) continue;
      if (each.kind !== "gauge") there.value += each.value;
      else if (each.lastMs >= there.lastMs) {
        there.value = each.value;
        there.lastMs = each.lastMs;
      }
      if (each.durations) there.durations?.addAll(each.durations);
    }
  }

  /** Those of a metric, for reading what is not written yet. */
  of(metric: string): readonly Bucket[] {
    return [...this.#buckets.values()].filter((bucket) => bucket.metric === metric);
  }

  #bucket(metric: string, label: string, atMs: number, kind: BucketKind): Bucket | undefined {
    if (!Number.isFinite(atMs)) return undefined;
    const known = this.#known(metric, label);
    const startMs = Math.floor(atMs / this.#stepMs) * this.#stepMs;
    const key = `${metric}\n${startMs}\n${known}`;
    const there = this.#buckets.get(key);
    if (there || this.#buckets.size >= MAX_WAITING) return there;
    const durations = kind === "duration" ? DurationHistogram.empty() : undefined;
    const bucket: Bucket = { metric, label: known, atMs: startMs, kind, value: 0, lastMs: 0, durations };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #known(metric: string, label: string): string {
    const cut = label.length > LABEL_LENGTH ? label.slice(0, LABEL_LENGTH) : label;
    let labels = this.#labels.get(metric);
    if (!labels) {
      labels = new RecentNames({ most: MAX_LABELS, keptMs: LABEL_KEPT_MS });
      this.#labels.set(metric, labels);
    }
    return labels.has(cut, this.#nowMs()) ? cut : OTHER_LABEL;
  }
}
