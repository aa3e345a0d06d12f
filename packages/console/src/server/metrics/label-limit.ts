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
