/** States that programs have of their own, and whose names are kept: more of them were invented to fill lists and questions. */
const MOST = 200;

/** Lets the first custom states through under their names. Every question by state carries all that there are. */
export class CustomStates {
  readonly #most: number;
  readonly #known = new Set<string>();

  constructor(most = MOST) {
    this.#most = most;
  }

  keeps(state: string): boolean {
    if (this.#known.has(state)) return true;
    if (this.#known.size >= this.#most) return false;
    this.#known.add(state);
    return true;
  }
}
