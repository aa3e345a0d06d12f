/** Results and characters at most: a program that never asks for its results must not fill its memory with them. */
const MAX_RESULTS = 100_000;
const MAX_CHARACTERS = 64_000_000;

interface Kept {
  readonly text: string;
  readonly expiresMs: number;
}

/** The newest state of each task whose result came to this process, for as long as there is room; the oldest go first. */
export class KeptResults {
  readonly #byTask = new Map<string, Kept>();
  readonly #onDropped: () => void;
  #characters = 0;

  /** @param onDropped told each time that one which has not expired had to go */
  constructor(onDropped: () => void) {
    this.#onDropped = onDropped;
  }

  put(id: string, kept: Kept): void {
    this.remove(id);
    this.#byTask.set(id, kept);
    this.#characters += kept.text.length;
    for (const oldest of this.#byTask.keys()) {
      // The newest stays, however large it is.
      if (oldest === id || (this.#byTask.size <= MAX_RESULTS && this.#characters <= MAX_CHARACTERS)) break;
      this.remove(oldest);
      this.#onDropped();
    }
  }

  find(id: string, nowMs: number): string | undefined {
    const kept = this.#byTask.get(id);
    return kept && kept.expiresMs > nowMs ? kept.text : undefined;
  }

  remove(id: string): void {
    this.#characters -= this.#byTask.get(id)?.text.length ?? 0;
    this.#byTask.delete(id);
  }

  /** Returns how many went. */
  removeExpired(nowMs: number): number {
    let removed = 0;
    for (const [id, { expiresMs }] of this.#byTask) {
      if (expiresMs > nowMs) continue;
      this.remove(id);
      removed++;
    }
    return removed;
  }
}
