/** Something that is opened once and used by several. */
export interface Closable {
  close(): Promise<void>;
}

/** One user's share of an opened thing. */
export interface Share<T> {
  readonly value: T;
  /** Gives the share back; the last one to do so closes the thing. Idempotent. */
  release(): Promise<void>;
}

/**
 * The connections of one app, so that its broker and its result backend on the same store share one client and,
 * where the store has transactions, one group commit. Belongs to an app, never to a module.
 */
export class Connections {
  readonly #open = new Map<string, { value: Closable; users: number }>();

  /** A share of the thing known by `key`; `open` makes it when nobody has it open. */
  share<T extends Closable>(key: string, is: (value: Closable) => value is T, open: () => T): Share<T> {
    const known = this.#open.get(key);
    const value = known && is(known.value) ? known.value : open();
    const entry = known?.value === value ? known : { value, users: 0 };
    entry.users++;
    this.#open.set(key, entry);
    let released = false;
    return {
      value,
      release: async () => {
        if (released) return;
        released = true;
        entry.users--;
        if (entry.users > 0) return;
        if (this.#open.get(key) === entry) this.#open.delete(key);
        await value.close();
      },
    };
  }
}
