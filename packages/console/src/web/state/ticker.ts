/** One clock for everything that says "12 s ago", so that they all step together and one timer does for a thousand of them. */
export class Ticker {
  readonly #listeners = new Set<() => void>();
  #now = Date.now();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Milliseconds, as of the last tick; while nobody subscribes, as of the last time somebody did. */
  readonly now = (): number => this.#now;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      // It stood still while nobody looked: what has happened meanwhile would be to come.
      this.#now = Date.now();
      this.#timer = setInterval(() => this.#tick(), 1_000);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };

  #tick(): void {
    this.#now = Date.now();
    for (const listener of this.#listeners) listener();
  }
}
