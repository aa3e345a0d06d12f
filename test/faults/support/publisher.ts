import { setTimeout as wait } from "node:timers/promises";
import { type AsyncResult, BrokerError, type Lovage } from "lovage";

/** What became of one publish. */
export interface Attempt {
  readonly id: string;
  /** When it was asked for, in Unix milliseconds. */
  readonly at: number;
  /** How long it took to settle. */
  readonly seconds: number;
  /** The task's id; undefined when it was refused. */
  readonly resultId: string | undefined;
  /** The error it was refused with; undefined when the broker confirmed it. */
  readonly refused: Error | undefined;
}

/** What `get` of a task's result led to. */
export interface Watched {
  readonly id: string;
  /** The value, or the error. */
  readonly outcome: Promise<{ readonly value: unknown } | { readonly error: unknown }>;
}

export interface PublisherOptions {
  /** Publishes under way at a time. */
  readonly inFlight: number;
  /** Milliseconds between one publish's end and the next one, for each of them: sets the rate. */
  readonly pauseMs: number;
  /** How long each task takes. */
  readonly taskMs: number;
  /** The result of every so many-th confirmed task is waited for from then on. */
  readonly watchEvery: number;
  /** Seconds that a result is waited for. */
  readonly watchTimeout: number;
}

/** Sends `faults.append` again and again, from many places at once, and remembers how each publish ended. */
export class Publisher {
  readonly attempts: Attempt[] = [];
  readonly watched: Watched[] = [];
  readonly #app: Lovage;
  readonly #options: PublisherOptions;
  #next = 0;
  #confirmed = 0;
  #stopped = false;
  /** When each publish that has not settled was asked for. */
  readonly #open = new Map<string, number>();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(app: Lovage, options: PublisherOptions) {
    this.#app = app;
    this.#options = options;
  }

  start(): void {
    this.#loops = Promise.all(Array.from({ length: this.#options.inFlight }, () => this.#loop()));
  }

  /** Sends no more and waits for what is under way. Resolves with the publishes that had not settled after `seconds`. */
  async stop(seconds: number): Promise<string[]> {
    this.#stopped = true;
    const timer = new AbortController();
    await Promise.race([this.#loops, wait(seconds * 1000, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    return [...this.#open.keys()];
  }

  get confirmed(): readonly Attempt[] {
    return this.attempts.filter(({ refused }) => refused === undefined);
  }
  get refused(): readonly Attempt[] {
    return this.attempts.filter(({ refused }) => refused !== undefined);
  }
  /** Refusals that are not errors of the broker's kind: a caller would not know what to do with them. */
  get untyped(): readonly Attempt[] {
    return this.attempts.filter(({ refused }) => refused !== undefined && !(refused instanceof BrokerError));
  }

  async #loop(): Promise<void> {
    // Not all at the same moment.
    await wait(Math.random() * this.#options.pauseMs);
    while (!this.#stopped) {
      await this.#publish();
      await wait(this.#options.pauseMs);
    }
  }

  async #publish(): Promise<void> {
    const id = `m${this.#next++}`;
    const at = Date.now();
    const began = performance.now();
    this.#open.set(id, at);
    let refused: Error | undefined;
    let resultId: string | undefined;
    try {
      const result = await this.#app.sendTask("faults.append", [id, this.#options.taskMs]);
      resultId = result.id;
      this.#watch(id, result);
    } catch (error) {
      refused = error instanceof Error ? error : new Error(String(error));
    }
    this.#open.delete(id);
    this.attempts.push({ id, at, seconds: (performance.now() - began) / 1000, resultId, refused });
  }

  #watch(id: string, result: AsyncResult<unknown>): void {
    if (this.#confirmed++ % this.#options.watchEvery !== 0) return;
    const outcome = result.get({ timeout: this.#options.watchTimeout }).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    this.watched.push({ id, outcome });
  }
}
