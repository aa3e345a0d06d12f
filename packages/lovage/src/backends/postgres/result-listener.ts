import type { PostgresDatabase } from "../../connections/postgres.js";
import { newId } from "../../util/ids.js";
import { parseReadyNotice } from "./ready-notice.js";

export interface ResultListenerOptions {
  /** A task is ready; `text` is its meta, unless it was too large to be told. */
  readonly onReady: (id: string, text: string | undefined) => void;
  /** Something may have been missed: look for yourself. */
  readonly onLook: () => void;
  /** Whether others store results here that nothing is told of: then there is a look twice a second. */
  readonly polls: boolean;
}

/** Seconds that others believe us that we listen, and after which we say so again. */
const LISTENS_FOR = 60;
const REPEAT_AFTER = 30;
const POLL_MS = 500;
/**
 * Milliseconds to further looks after we have first said that we listen: a store whose statement ran just before that knew of nobody, and
 * may have been committed just after our first look.
 */
const LATE_LOOKS_MS = [50, 250, 1000];

/**
 * Hears of results while somebody waits for one. A process that listens says so in a table with a lease, so that those who store results
 * notify only when somebody listens: notifications cost every commit that has one, on the whole server.
 */
export class ResultListener {
  readonly #database: PostgresDatabase;
  readonly #options: ResultListenerOptions;
  readonly #id = newId();
  /** Counts starts and stops, so that a start knows whether it was overtaken. */
  #turn = 0;
  #starting: Promise<void> | undefined;
  #stopListening: (() => void) | undefined;
  /** Monotonic milliseconds until which others believe us. */
  #saidUntilMs = 0;
  #saying: Promise<void> | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  #poll: NodeJS.Timeout | undefined;

  constructor(database: PostgresDatabase, options: ResultListenerOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** Settles when news of what is stored from now on will come. Keeps the process alive until `stop`. */
  async start(): Promise<void> {
    this.#starting ??= this.#start();
    await this.#starting;
    await this.#sayThatWeListen();
  }

  stop(): void {
    this.#turn++;
    this.#starting = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  /** For good: late looks serve waits that begin after a `stop`, too. */
  close(): void {
    this.stop();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #start(): Promise<void> {
    const turn = ++this.#turn;
    const stop = await this.#database.listen("results", {
      onNotice: (payload) => this.#hear(payload),
      onLook: () => this.#look(),
    });
    // Nobody waits any more, or others began to wait anew meanwhile.
    if (turn !== this.#turn) {
      stop();
      return;
    }
    this.#stopListening = stop;
    if (this.#options.polls) this.#poll = setInterval(() => this.#look(), POLL_MS);
  }

  #hear(payload: string): void {
    const notice = parseReadyNotice(payload);
    if (notice) this.#options.onReady(notice.id, notice.text);
  }

  #look(): void {
    // Without it the looks are all there is; the next one says it again.
    this.#sayThatWeListen().catch(() => undefined);
    this.#options.onLook();
  }

  /** Where nothing arrives, nobody need notify us. */
  async #sayThatWeListen(): Promise<void> {
    const leftMs = this.#saidUntilMs - performance.now();
    if (!this.#database.isNotified || leftMs > (LISTENS_FOR - REPEAT_AFTER) * 1000) return;
    this.#saying ??= this.#say(leftMs <= 0).finally(() => {
      this.#saying = undefined;
    });
    await this.#saying;
  }

  async #say(isNews: boolean): Promise<void> {
    const saidMs = performance.now();
    await this.#database.query(
      `WITH gone AS (DELETE FROM ${this.#database.schema}.result_listeners WHERE until < now() AND id <> $1)
       INSERT INTO ${this.#database.schema}.result_listeners (id, until) VALUES ($1, now() + interval '${LISTENS_FOR} s')
       ON CONFLICT (id) DO UPDATE SET until = excluded.until`,
      [this.#id],
    );
    this.#saidUntilMs = saidMs + LISTENS_FOR * 1000;
    if (isNews) for (const delayMs of LATE_LOOKS_MS) this.#lookLater(delayMs);
  }

  #lookLater(delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#options.onLook();
    }, delayMs).unref();
    this.#timers.add(timer);
  }
}
