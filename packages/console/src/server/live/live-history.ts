import type { LiveEntry } from "./live-entry.js";

/** Seconds that a client which lost its stream may be away and still get all it missed. */
export const REPLAY_SECONDS = 60;
/** Events kept at most, however many come: a client that missed more asks its lists anew, which is cheaper for both. */
const MOST_ENTRIES = 5_000;

/** The events of the last minute, oldest first. */
export class LiveHistory {
  #entries: LiveEntry[] = [];
  /** Events up to this number are not here any more. */
  #lostUpTo: number;

  constructor(lostUpTo: number) {
    this.#lostUpTo = lostUpTo;
  }

  add(entry: LiveEntry): void {
    this.#entries.push(entry);
    // Cut in bulk: taking one off the front for each that is added would move them all each time.
    if (this.#entries.length > MOST_ENTRIES * 1.25) this.#dropFirst(this.#entries.length - MOST_ENTRIES);
  }

  /** Forgets what is older than a minute. */
  expire(nowMs: number): void {
    const oldest = nowMs - REPLAY_SECONDS * 1000;
    let old = 0;
    for (const entry of this.#entries) {
      if (entry.atMs >= oldest) break;
      old += 1;
    }
    this.#dropFirst(old);
  }

  /** What was published after `number`; undefined when some of that is gone. */
  since(number: number): readonly LiveEntry[] | undefined {
    if (number < this.#lostUpTo) return undefined;
    return this.#entries.filter((entry) => entry.number > number);
  }

  #dropFirst(count: number): void {
    if (count === 0) return;
    const last = this.#entries[count - 1];
    if (last !== undefined) this.#lostUpTo = last.number;
    this.#entries = this.#entries.slice(count);
  }
}
