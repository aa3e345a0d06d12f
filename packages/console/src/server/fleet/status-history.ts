import type { WorkerStore } from "../store/worker-store.js";

/** Milliseconds that a console which does not write keeps what it noticed: longer than nobody may be the one that does. */
const KEPT_MS = 15_000;
/** Notes kept at most. */
const MOST_KEPT = 10_000;
/** Milliseconds within which consoles notice the same. */
const SAME_MS = 5_000;

interface Note {
  readonly name: string;
  readonly atMs: number;
  readonly status: string;
}

/**
 * When workers came and went, in their history. All consoles of a store notice; the one that writes events writes this too, and another
 * one that takes its place writes what it noticed and is missing.
 */
export class StatusHistory {
  readonly #store: Pick<WorkerStore, "note" | "history">;
  readonly #isLeader: () => boolean;
  #kept: Note[] = [];

  constructor(options: { readonly store: Pick<WorkerStore, "note" | "history">; readonly isLeader: () => boolean }) {
    this.#store = options.store;
    this.#isLeader = options.isLeader;
  }

  /** Rejects with a `StoreError`. */
  async note(name: string, status: string, atMs: number): Promise<void> {
    const note = { name, status, atMs };
    if (this.#isLeader()) await this.#write(note);
    else if (this.#kept.length < MOST_KEPT) this.#kept.push(note);
  }

  /** Writes what was kept, once it is for this console to write. Rejects with a `StoreError`. */
  async writeKept(nowMs: number): Promise<void> {
    if (this.#kept.length === 0) return;
    this.#kept = this.#kept.filter(({ atMs }) => nowMs - atMs < KEPT_MS);
    if (!this.#isLeader()) return;
    for (let next = this.#kept[0]; next; next = this.#kept[0]) {
      if (!(await this.#isThere(next))) await this.#write(next);
      // Only now: what the store did not take is tried again.
      this.#kept = this.#kept.filter((note) => note !== next);
    }
  }

  /** Whether the one before has written it. */
  async #isThere({ name, status, atMs }: Note): Promise<boolean> {
    const written = await this.#store.history(name);
    return written.some((entry) => entry.by === null && entry.what === status && Math.abs(entry.atMs - atMs) < SAME_MS);
  }

  async #write({ name, atMs, status }: Note): Promise<void> {
    await this.#store.note(name, { atMs, what: status, by: null, outcome: null });
  }
}
