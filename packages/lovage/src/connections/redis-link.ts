import { type BackoffPolicy, backoffDelay } from "../util/backoff.js";
import { type Deferred, deferred } from "../util/deferred.js";
import type { Logger } from "../util/logger.js";
import { CONNECTS_ANEW, RedisError, redisError, TRIED_AGAIN } from "./redis-error.js";
import { type RedisArgument, RedisSession, type SessionEvents } from "./redis-session.js";
import type { RedisEndpoint, RedisTarget } from "./redis-url.js";

export interface CallOptions {
  /** Seconds until it is answered or rejects, the wait for a connection included. @default the target's `socketTimeout` */
  readonly timeout?: number | undefined;
  /** Texts of the reply come as bytes. @default false */
  readonly buffers?: boolean;
  /** Carried out twice it does no harm: it is sent again when its connection breaks. @default false */
  readonly idempotent?: boolean;
  /** Written at the end of this step, not of this turn of the event loop: for who has gathered a turn's work already. @default false */
  readonly prompt?: boolean;
}

/** Sends a command; resolves with the reply: text, integer, null or a list of these. Rejects with a `RedisError`. */
export type Call = (name: string, args: readonly RedisArgument[], options?: CallOptions) => Promise<unknown>;

export interface LinkOptions {
  /** What the connection is for; shown by CLIENT LIST. */
  readonly name: string;
  readonly logger: Logger;
  /**
   * Runs on each new connection before anything else is sent over it: identify, check, subscribe. `call` sends on that very
   * connection. When it rejects, the connection is given up, and the next one is tried later.
   */
  readonly prepare?: (call: Call) => Promise<void>;
  readonly onMessage?: SessionEvents["onMessage"];
}

interface Pending {
  readonly name: string;
  readonly args: readonly RedisArgument[];
  readonly buffers: boolean;
  readonly idempotent: boolean;
  readonly prompt: boolean;
  /** Monotonic milliseconds. */
  readonly deadlineMs: number;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: RedisError) => void;
  sent: boolean;
}

const RECONNECT: BackoffPolicy = { initial: 0.05, max: 2 };
/** Milliseconds until a command is sent again that the server was too busy for. */
const TRY_AGAIN_MS = 100;
/** Milliseconds that a closing link waits for answers. */
const LINGER_MS = 5000;

/**
 * A connection to a Redis server that comes back by itself, for ever, and in which no command waits beyond its deadline: one that finds no
 * connection waits for the next; one whose connection broke rejects, since it may have been carried out.
 *
 *     idle ──open──► connecting ──► ready ──lost──► waiting ──► connecting … ──close──► closed
 *
 * It keeps the process alive while a command is unanswered or somebody holds it (`hold`).
 */
export class RedisLink {
  readonly #target: RedisTarget;
  readonly #options: LinkOptions;
  /** Sent and unsent, in the order of the calls. */
  readonly #pending = new Set<Pending>();
  readonly #readyListeners = new Set<() => void>();
  readonly #lostListeners = new Set<(error: RedisError) => void>();
  #session: RedisSession | undefined;
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #closing: Promise<void> | undefined;
  #endpoint = 0;
  #attempt = 0;
  #reconnect: NodeJS.Timeout | undefined;
  #tryAgain: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #holders = 0;
  #downSinceMs: number | undefined;
  #drained: Deferred<void> | undefined;

  constructor(target: RedisTarget, options: LinkOptions) {
    this.#target = target;
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#session !== undefined;
  }
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Connects: tries each endpoint once. Idempotent; after a failure it may be called again. From then on the link comes back by itself. */
  open(): Promise<void> {
    if (this.#closing) return Promise.reject(closedError());
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Sends a command as soon as there is a connection. Before `open` it rejects. */
  call(name: string, args: readonly RedisArgument[], options: CallOptions = {}): Promise<unknown> {
    const { timeout = this.#target.socketTimeout, buffers = false, idempotent = false, prompt = false } = options;
    if (!this.#isOpen || this.#closing) {
      const what = this.#closing ? "is closed" : "is not connected";
      return Promise.reject(new RedisError(`the connection to Redis ${what}`, { kind: "lost", unsent: true }));
    }
    return new Promise((resolve, reject) => {
      const deadlineMs = performance.now() + timeout * 1000;
      this.#add({ name, args, buffers, idempotent, prompt, deadlineMs, resolve, reject, sent: false });
    });
  }

  /** Calls `listener` each time the connection is there again (not the first time: that is `open`), after `prepare`. The returned function ends it. */
  onReady(listener: () => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  /** Calls `listener` each time the connection breaks. The returned function ends it. */
  onLost(listener: (error: RedisError) => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  /** Keeps the process alive until the returned function is called. */
  hold(): () => void {
    this.#holders++;
    this.#holdProcess();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holders--;
      this.#holdProcess();
    };
  }

  /** Breaks the connection, so that a new one is made. */
  reset(reason: string): void {
    this.#session?.end(new RedisError(`the connection to Redis was given up: ${reason}`, { kind: "lost" }));
  }

  /** Ends the link. What was sent has a moment to be answered; what waits for a connection rejects. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    let failure: unknown;
    for (const _ of this.#target.endpoints) {
      try {
        await this.#connect();
        this.#isOpen = true;
        return;
      } catch (error) {
        failure ??= error;
        this.#endpoint++;
      }
      if (this.#closing) throw closedError();
    }
    throw failure;
  }

  async #connect(): Promise<void> {
    const { name, prepare, onMessage } = this.#options;
    let lost: RedisError | undefined;
    const session = await RedisSession.open(this.#target, this.#currentEndpoint(), `lovage-${name}`, {
      onEnd: (error) => {
        lost = error;
        this.#onEnd(session, error);
      },
      ...(onMessage && { onMessage }),
    });
    try {
      const call: Call = (command, args, options) => session.call(command, args, options?.buffers ?? false);
      await withinSeconds(this.#target.connectTimeout, prepare?.(call));
      if (this.#closing) throw closedError();
      if (lost) throw lost;
    } catch (error) {
      session.end(redisError(error, this.#currentEndpoint().shown));
      throw error;
    }
    this.#session = session;
    this.#attempt = 0;
    this.#holdProcess();
    this.#sendUnsent();
  }

  #currentEndpoint(): RedisEndpoint {
    const { endpoints } = this.#target;
    return endpoints[this.#endpoint % endpoints.length] ?? endpoints[0];
  }

  #onEnd(session: RedisSession, error: RedisError): void {
    // A connection that ended in its preparation never was the link's.
    if (this.#session !== session) return;
    this.#session = undefined;
    if (this.#closing) return;
    this.#downSinceMs = performance.now();
    this.#options.logger.warn("the connection to Redis was lost", {
      connection: this.#options.name,
      error: error.message,
    });
    this.#scheduleReconnect();
    for (const listener of [...this.#lostListeners]) listener(error);
  }

  #scheduleReconnect(): void {
    const delay = backoffDelay(RECONNECT, this.#attempt++);
    this.#reconnect = setTimeout(() => void this.#tryConnect(), delay * 1000);
    if (!this.#keepsProcess()) this.#reconnect.unref();
  }

  async #tryConnect(): Promise<void> {
    this.#reconnect = undefined;
    try {
      await this.#connect();
    } catch (error) {
      if (this.#closing) return;
      const message = error instanceof Error ? error.message : String(error);
      // Not every try: an outage of an hour is one thing to know.
      const log = this.#attempt % 10 === 1 ? "warn" : "debug";
      this.#options.logger[log]("Redis cannot be reached", { connection: this.#options.name, error: message });
      this.#endpoint++;
      this.#scheduleReconnect();
      return;
    }
    const downSeconds = this.#downSinceMs === undefined ? 0 : (performance.now() - this.#downSinceMs) / 1000;
    this.#options.logger.info("the connection to Redis is back", {
      connection: this.#options.name,
      downSeconds: Math.round(downSeconds * 10) / 10,
    });
    for (const listener of [...this.#readyListeners]) listener();
  }

  #add(pending: Pending): void {
    this.#pending.add(pending);
    if (this.#pending.size === 1) this.#holdProcess();
    if (pending.deadlineMs < this.#deadlineMs) this.#armDeadline(pending.deadlineMs);
    if (this.#session) this.#send(pending, this.#session);
  }

  #send(pending: Pending, session: RedisSession): void {
    pending.sent = true;
    session.call(pending.name, pending.args, pending.buffers, pending.prompt).then(
      (reply) => {
        if (this.#remove(pending)) pending.resolve(reply);
      },
      (error: unknown) => this.#onFailed(pending, redisError(error, this.#currentEndpoint().shown), session),
    );
  }

  #onFailed(pending: Pending, error: RedisError, session: RedisSession): void {
    const { code } = error;
    const connectsAnew = code !== undefined && CONNECTS_ANEW.has(code);
    if (connectsAnew) session.end(error);
    const again =
      connectsAnew ||
      (code !== undefined && TRIED_AGAIN.has(code)) ||
      (error.kind === "lost" && (error.unsent || pending.idempotent));
    if (again && this.#pending.has(pending) && !this.#closing) {
      pending.sent = false;
      if (error.kind === "refused" && !connectsAnew) this.#tryAgainSoon();
      return;
    }
    if (this.#remove(pending)) pending.reject(error);
  }

  #tryAgainSoon(): void {
    this.#tryAgain ??= setTimeout(() => {
      this.#tryAgain = undefined;
      this.#sendUnsent();
    }, TRY_AGAIN_MS);
  }

  #sendUnsent(): void {
    if (!this.#session) return;
    for (const pending of [...this.#pending]) if (!pending.sent) this.#send(pending, this.#session);
  }

  #remove(pending: Pending): boolean {
    if (!this.#pending.delete(pending)) return false;
    if (this.#pending.size === 0) {
      this.#holdProcess();
      this.#drained?.resolve();
    }
    return true;
  }

  /** One timer for all deadlines: a timer for each command would be dear at a hundred thousand a second. */
  #armDeadline(atMs: number): void {
    clearTimeout(this.#deadline);
    this.#deadlineMs = atMs;
    this.#deadline = setTimeout(() => this.#rejectLate(), Math.max(1, atMs - performance.now()));
    if (this.#pending.size === 0) this.#deadline.unref();
  }

  #rejectLate(): void {
    const nowMs = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const pending of [...this.#pending]) {
      if (pending.deadlineMs > nowMs) {
        next = Math.min(next, pending.deadlineMs);
        continue;
      }
      this.#remove(pending);
      const what = pending.sent ? "did not answer in time" : "could not be reached in time";
      pending.reject(
        new RedisError(`Redis ${this.#currentEndpoint().shown} ${what} (${pending.name})`, {
          kind: "lost",
          unsent: !pending.sent,
        }),
      );
    }
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#deadline = undefined;
    if (next < Number.POSITIVE_INFINITY) this.#armDeadline(next);
  }

  #keepsProcess(): boolean {
    return this.#holders > 0 || this.#pending.size > 0;
  }

  #holdProcess(): void {
    const keeps = this.#keepsProcess();
    this.#session?.setRef(keeps);
    for (const timer of [this.#reconnect, this.#deadline]) {
      if (keeps) timer?.ref();
      else timer?.unref();
    }
  }

  async #close(): Promise<void> {
    this.#readyListeners.clear();
    this.#lostListeners.clear();
    clearTimeout(this.#reconnect);
    clearTimeout(this.#tryAgain);
    for (const pending of [...this.#pending]) {
      if (pending.sent || !this.#remove(pending)) continue;
      pending.reject(
        new RedisError("the connection to Redis was closed before it was back", { kind: "lost", unsent: true }),
      );
    }
    await this.#opening?.catch(() => undefined);
    await this.#drain();
    clearTimeout(this.#deadline);
    this.#session?.end(new RedisError("the connection to Redis was closed", { kind: "lost" }));
    this.#session = undefined;
    this.#isOpen = false;
  }

  async #drain(): Promise<void> {
    if (this.#pending.size === 0 || !this.#session) return;
    this.#drained = deferred();
    const timer = setTimeout(() => this.#drained?.resolve(), LINGER_MS);
    await this.#drained.promise;
    clearTimeout(timer);
  }
}

/** The preparation of a connection has a deadline, as everything has. */
async function withinSeconds(seconds: number, work: Promise<void> | undefined): Promise<void> {
  if (!work) return;
  const { promise, reject } = deferred<never>();
  const timer = setTimeout(
    () => reject(new RedisError(`Redis did not answer within ${seconds} s`, { kind: "lost" })),
    seconds * 1000,
  );
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

function closedError(): RedisError {
  return new RedisError("the connection to Redis is closed", { kind: "lost", unsent: true });
}
