import type { Waiters } from "../waiters.js";

/**
 * The waits of all connections of one app to one file. A result stored through any of them ends the waits of all without a read:
 * SQLite tells a connection only of the commits of others.
 */
export class ReadyResults {
  readonly #waiters = new Set<Waiters>();

  add(waiters: Waiters): void {
    this.#waiters.add(waiters);
  }
  remove(waiters: Waiters): void {
    this.#waiters.delete(waiters);
  }
  /** @param text what was stored */
  settle(id: string, text: string): void {
    for (const waiters of this.#waiters) waiters.settle(id, text);
  }
  /** Nothing to close: connections to the file take their waits along. */
  async close(): Promise<void> {}
}
