/** Stands for the values beyond the limit. */
export const OTHER = "other";

/** Lets so many values of a label through, the first that come; the rest is `other`. Names come from anybody, and each is a series. */
export class LabelLimit {
  readonly #most: number;
  readonly #values = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  of(value: string): string {
    if (this.#values.has(value)) return value;
    if (this.#values.size >= this.#most || value.length > 300) return OTHER;
    this.#values.add(value);
    return value;
  }

  /** Makes room again. */
  forget(value: string): void {
    this.#values.delete(value);
  }
}

/**
 * Lets so many combinations of label values through, the first that come: each label by itself may be within its limit, and their product
 * is still more series than a scrape can carry.
 */
export class SeriesLimit {
  readonly #most: number;
  readonly #known = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  allows(...values: readonly string[]): boolean {
    const key = values.join(SEPARATOR);
    if (this.#known.has(key)) return true;
    if (this.#known.size >= this.#most) return false;
    this.#known.add(key);
    return true;
  }

  /** Makes room again: all combinations with this first value. */
  forget(first: string): void {
    const start = `${first}${SEPARATOR}`;
    for (const key of this.#known) if (key.startsWith(start)) this.#known.delete(key);
  }
}

const SEPARATOR = "\u0000";
