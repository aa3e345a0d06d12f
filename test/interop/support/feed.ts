/** What arrives over time, kept, and waited for. */
export class Feed<T> {
  readonly all: T[] = [];
  readonly #what: string;
  readonly #waiting = new Set<() => void>();
  #ended: Error | undefined;

  constructor(what: string) {
    this.#what = what;
  }

  push(item: T): void {
    this.all.push(item);
    this.#wake();
  }

  /** Nothing more will come: who still waits is told why. */
  end(reason: Error): void {
    this.#ended = reason;
    this.#wake();
  }

  /** The first item, of those there are or will be, that is meant. Rejects after `seconds`, showing the last ones. */
  async until(
    isMeant: (item: T) => boolean,
    options: { readonly seconds?: number; readonly what?: string } = {},
  ): Promise<T> {
    let seen = 0;
    return await this.untilSome(() => {
      for (; seen < this.all.length; seen++) {
        const item = this.all[seen];
        if (item !== undefined && isMeant(item)) return item;
      }
      return undefined;
    }, options);
  }

  /** Looks at once, and again whenever something has arrived, until there is an answer. */
  async untilSome<Found>(
    look: () => Found | undefined,
    { seconds = 20, what = this.#what }: { readonly seconds?: number; readonly what?: string } = {},
  ): Promise<Found> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended) throw this.#ended;
      const left = deadline - performance.now();
      if (left <= 0) {
        const last = this.all.slice(-30).map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
        throw new Error(`${what} did not come within ${seconds} s; the last that came:\n${last.join("\n")}`);
      }
      await this.#next(left);
    }
  }

  #next(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
