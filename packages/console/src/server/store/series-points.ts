import { DurationHistogram } from "./duration-histogram.js";
import { RESOLUTIONS, type SeriesRequest } from "./series-store.js";

/** Points of one line at most, and lines of one answer. */
const MAX_POINTS = 2000;
const MAX_LINES = 1000;

/** What was in one bucket of one line. */
export interface LineBucket {
  readonly label: string;
  readonly atMs: number;
  readonly value: number;
  /** When a figure was taken last. */
  readonly lastMs: number;
  readonly durations: DurationHistogram | undefined;
}

/** The points of an answer: where they are, of which buckets they are made, and what has been put into them. */
export class SeriesPoints {
  /** The buckets to put in: those of this length from here to there. */
  readonly sourceMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly #stepMs: number;
  readonly #count: number;
  readonly #as: SeriesRequest["as"];
  readonly #lines = new Map<string, Cell[]>();

  constructor({ fromMs, toMs, stepMs, as }: SeriesRequest, nowMs: number) {
    const source = sourceOf(fromMs, stepMs, nowMs);
    this.sourceMs = source.stepMs;
    this.#stepMs = Math.max(1, Math.round(Math.max(stepMs, source.stepMs)));
    this.fromMs = Math.floor(fromMs / this.#stepMs) * this.#stepMs;
    this.#count = Math.min(MAX_POINTS, Math.max(0, Math.ceil((toMs - this.fromMs) / this.#stepMs)));
    this.toMs = this.fromMs + this.#count * this.#stepMs;
    this.#as = as;
  }

  /** Adds a bucket to its point; one that lies outside changes nothing. */
  put(bucket: LineBucket): void {
    const index = Math.floor((bucket.atMs - this.fromMs) / this.#stepMs);
    if (index < 0 || index >= this.#count) return;
    const cell = this.#line(bucket.label)?.[index];
    if (cell) addTo(cell, bucket);
  }

  /** By label; null where nothing was put. */
  lines(): ReadonlyMap<string, readonly (number | null)[]> {
    return new Map([...this.#lines].map(([label, cells]) => [label, cells.map((cell) => pointOf(cell, this.#as))]));
  }

  #line(label: string): Cell[] | undefined {
    const there = this.#lines.get(label);
    if (there || this.#lines.size >= MAX_LINES) return there;
    const made = Array.from({ length: this.#count }, emptyCell);
    this.#lines.set(label, made);
    return made;
  }
}

/** The finest buckets that reach back far enough; not finer than the step, and where they do not divide it, the next. */
function sourceOf(fromMs: number, stepMs: number, nowMs: number): (typeof RESOLUTIONS)[number] {
  const ageMs = nowMs - fromMs;
  return (
    RESOLUTIONS.findLast((each) => each.stepMs <= stepMs && stepMs % each.stepMs === 0 && ageMs <= each.keptMs) ??
    RESOLUTIONS.find((each) => ageMs <= each.keptMs) ??
    RESOLUTIONS[2]
  );
}

interface Cell {
  sum: number;
  last: number | null;
  lastMs: number;
  durations: DurationHistogram | undefined;
}

function emptyCell(): Cell {
  return { sum: 0, last: null, lastMs: -1, durations: undefined };
}

function addTo(cell: Cell, { value, lastMs, atMs, durations }: LineBucket): void {
  cell.sum += value;
  const saidMs = Math.max(lastMs, atMs);
  if (saidMs >= cell.lastMs) {
    cell.last = value;
    cell.lastMs = saidMs;
  }
  if (!durations) return;
  cell.durations ??= DurationHistogram.empty();
  cell.durations.addAll(durations);
}

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

function pointOf(cell: Cell, as: SeriesRequest["as"]): number | null {
  switch (as) {
    case "sum":
      return cell.sum;
    case "last":
      return cell.last;
    case "count":
      return cell.durations?.count ?? 0;
    default:
      return cell.durations?.percentile(QUANTILES[as]) ?? null;
  }
}
