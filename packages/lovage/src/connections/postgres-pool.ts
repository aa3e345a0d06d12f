import { type Deferred, deferred } from "../util/deferred.js";
import { PostgresError } from "./postgres-error.js";
import { PostgresSession } from "./postgres-session.js";
import type { PostgresTarget } from "./postgres-url.js";

/** Milliseconds that a connection nobody uses is kept. */
const IDLE_MS = 30_000;

/**
 * A few connections, opened when they are needed. One that fails takes nobody along: the next use opens another, to the next server
 * when there are several.
 */
export class PostgresPool {
  readonly #target: PostgresTarget;
  /** Looks at a new connection before anybody uses it: rejects to refuse it. */
  readonly #inspect: (session: PostgresSession) => Promise<void>;
  readonly #idle: { readonly session: PostgresSession; readonly expiry: NodeJS.Timeout }[] = [];
  readonly #used = new Set<PostgresSession>();
  readonly #waiting: Deferred<void>[] = [];
  #opening = 0;
  /** The server that is tried first. */
  #endpoint = 0;
  #closed = false;

  constructor(target: PostgresTarget, inspect: (session: PostgresSession) => Promise<void>) {
    this.#target = target;
    this.#inspect = inspect;
  }

  /**
   * Runs `work` on a connection of its own, which it leaves outside of a transaction, also when it throws.
   * @param seconds how long to wait for others to give one back. @default no limit
   */
  async use<T>(work: (session: PostgresSession) => Promise<T>, seconds = Number.POSITIVE_INFINITY): Promise<T> {
    const session = await this.#acquire(performance.now() + seconds * 1000);
    try {
      const result = await work(session);
      this.#release(session);
      return result;
    } catch (error) {
      if (error instanceof PostgresError && error.lost) this.#discard(session, error);
      else this.#release(session);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closedError());
    const idle = this.#idle.splice(0);
    for (const { expiry } of idle) clearTimeout(expiry);
    for (const session of this.#used) session.destroy("the connection was closed here");
    await Promise.all(idle.map(({ session }) => session.close().catch(() => undefined)));
  }

  async #acquire(deadlineMs: number): Promise<PostgresSession> {
    for (;;) {
      if (this.#closed) throw closedError();
      const kept = this.#idle.pop();
      if (kept) {
        clearTimeout(kept.expiry);
        if (kept.session.isEnded) continue;
        kept.session.hold(true);
        this.#used.add(kept.session);
        return kept.session;
      }
      if (this.#used.size + this.#opening < this.#target.poolSize) return await this.#open();
      await this.#turn(deadlineMs - performance.now());
    }
  }

  /** Waits until somebody gives a connection back, or gives up his right to one. */
  async #turn(ms: number): Promise<void> {
    const turn = deferred();
    this.#waiting.push(turn);
    const tooLate = (): void => {
      const index = this.#waiting.indexOf(turn);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      turn.reject(new PostgresError("all connections to PostgreSQL are in use", { passing: true }));
    };
    const timer = Number.isFinite(ms) ? setTimeout(tooLate, Math.max(0, ms)) : undefined;
    try {
      await turn.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(): Promise<PostgresSession> {
    this.#opening++;
    try {
      const session = await this.#openFirst();
      if (this.#closed) {
        session.destroy("the connection was closed here");
        throw closedError();
      }
      this.#used.add(session);
      return session;
    } catch (error) {
      this.#letNext();
      throw error;
    } finally {
      this.#opening--;
    }
  }

  /** To the first server that takes us, beginning with the one that did so last. */
  async #openFirst(): Promise<PostgresSession> {
    const { endpoints, connectTimeout } = this.#target;
    let failure: unknown;
    for (let turn = 0; turn < endpoints.length; turn++) {
      const endpoint = endpoints[this.#endpoint % endpoints.length] ?? endpoints[0];
      try {
        const session = await PostgresSession.open({ endpoint, connectTimeout });
        await this.#inspected(session);
        return session;
      } catch (error) {
        failure = error;
        this.#endpoint++;
      }
    }
    throw failure;
  }

  async #inspected(session: PostgresSession): Promise<void> {
    try {
      await this.#inspect(session);
    } catch (error) {
      session.destroy("it was refused");
      throw error;
    }
  }

  #release(session: PostgresSession): void {
    this.#used.delete(session);
    if (this.#closed || session.isEnded) {
      session.close().catch(() => undefined);
    } else {
      session.hold(false);
      const expiry = setTimeout(() => this.#expire(session), IDLE_MS).unref();
      this.#idle.push({ session, expiry });
    }
    this.#letNext();
  }

  #expire(session: PostgresSession): void {
    const index = this.#idle.findIndex((each) => each.session === session);
    if (index >= 0) this.#idle.splice(index, 1);
    session.close().catch(() => undefined);
  }

  #discard(session: PostgresSession, error: unknown): void {
    this.#used.delete(session);
    session.destroy(error instanceof Error ? error.message : "it failed");
    // What broke this one has most likely broken the others too, and nobody looks at those.
    if (error instanceof PostgresError && error.lost) {
      for (const { session: kept, expiry } of this.#idle.splice(0)) {
        clearTimeout(expiry);
        kept.destroy("another connection failed");
      }
      if (error.sqlState !== undefined) this.#endpoint++;
    }
    this.#letNext();
  }

  #letNext(): void {
    this.#waiting.shift()?.resolve();
  }
}

function closedError(): PostgresError {
  return new PostgresError("the PostgreSQL connection is closed", { passing: true });
}
