/** Seconds: the first bound, and how much each is above the one before. With 20 % a percentile is off by at most 10 %. */
const FIRST = 0.001;
const FACTOR = 1.2;
/** The last bound is about 8.9 days. */
const BUCKETS = 113;

const LOG_FACTOR = Math.log(FACTOR);

/**
 * How many durations fell into each of 113 ranges, from a millisecond to nine days, each a fifth longer than the one before. Two of them
 * are put together by adding; percentiles are read from the sum.
 */
export class DurationHistogram {
  readonly #counts: Map<number, number>;
  #count: number;

  private constructor(counts: Map<number, number>) {
    this.#counts = counts;
    this.#count = [...counts.values()].reduce((sum, each) => sum + each, 0);
  }

  static empty(): DurationHistogram {
    return new DurationHistogram(new Map());
  }

  /** Reads what `text` wrote; what is damaged is left out. */
  static parse(text: string): DurationHistogram {
    const counts = new Map<number, number>();
    for (const part of text.split(" ")) {
      const [bucket, count] = part.split(":").map(Number);
      if (bucket === undefined || count === undefined || !(bucket >= 0 && bucket < BUCKETS && count > 0)) continue;
      counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    }
    return new DurationHistogram(counts);
  }

  /** `bucket:count` pairs with blanks between them, as in `12:3 40:1`. */
  get text(): string {
    return [...this.#counts].map(([bucket, count]) => `${bucket}:${count}`).join(" ");
  }
  get count(): number {
    return this.#count;
  }

  /** This and another put together; both stay as they are. */
  plus(other: DurationHistogram): DurationHistogram {
    const sum = new DurationHistogram(new Map(this.#counts));
    sum.addAll(other);
    return sum;
  }

  add(seconds: number): void {
    const bucket = bucketOf(seconds);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#count += 1;
  }

  addAll(other: DurationHistogram): void {
    for (const [bucket, count] of other.#counts) this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#count += other.#count;
  }

  /** The duration that the share `quantile` of all is at or below, in seconds; null of nothing. */
  percentile(quantile: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = 0;
    for (const [bucket, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return middleOf(bucket);
    }
    return null;
  }
}

function bucketOf(seconds: number): number {
  if (!(seconds > FIRST)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(seconds / FIRST) / LOG_FACTOR));
}

/** Half-way through the range, as far as rounding makes sense. */
function middleOf(bucket: number): number {
  if (bucket === 0) return FIRST;
  return Number((FIRST * FACTOR ** (bucket - 0.5)).toPrecision(3));
}
