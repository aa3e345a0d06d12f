import { backoffDelay } from "../util/backoff.js";
import { newId } from "../util/ids.js";
import type { Logger } from "../util/logger.js";
import { PostgresSession } from "./postgres-session.js";
import type { PostgresTarget } from "./postgres-url.js";

/** Who listens to one topic. */
export interface NoticeListener {
  /** A notification came. */
  onNotice(payload: string): void;
  /** Something may have been missed: after a break, and now and again as a net under the notifications. Look for yourself. */
  onLook(): void;
}

const BACKOFF = { initial: 0.1, max: 3 };
/** Seconds of looks without being told: while notifications come, while the connection is away, and where there are none. */
const NET_SECONDS = 5;
const BLIND_SECONDS = 1;
const POLL_SECONDS = 0.5;
/** Seconds between questions whether the server is still there, and for its answer. */
const HEARTBEAT_SECONDS = 3;
const ANSWER_SECONDS = 3;
/** Seconds that a notification to ourselves may take. */
const PROBE_SECONDS = 2;
/** Milliseconds that the connection outlives its last listener: waits for results come and go. */
const LINGER_MS = 5000;

/**
 * Notifications, on a connection of their own that comes back for ever. Listeners keep the process alive, as a socket that is listened
 * to does. Where notifications cannot arrive (a pooler in transaction mode) it says so once and makes its listeners look often instead.
 */
export class PostgresListener {
  readonly #target: PostgresTarget;
  readonly #channelOf: (topic: string) => string;
  /** Notifies a channel by another connection. */
  readonly #notify: (channel: string) => Promise<unknown>;
  readonly #logger: Logger;
  readonly #topics = new Map<string, Set<NoticeListener>>();
  /** By their channels. */
  readonly #listened = new Map<string, string>();
  /** What to do when a notification comes that is to show that it can. */
  readonly #probes = new Map<string, () => void>();
  #session: PostgresSession | undefined;
  #connecting: Promise<void> | undefined;
  #mode: "notified" | "blind" | "polling" = "blind";
  #failures = 0;
  #endpoint = 0;
  #retry: NodeJS.Timeout | undefined;
  #net: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: {
    readonly target: PostgresTarget;
    readonly channelOf: (topic: string) => string;
    readonly notify: (channel: string) => Promise<unknown>;
    readonly logger: Logger;
  }) {
    this.#target = parts.target;
    this.#channelOf = parts.channelOf;
    this.#notify = parts.notify;
    this.#logger = parts.logger;
  }

  /** Whether notifications arrive at present. */
  get isNotified(): boolean {
    return this.#mode === "notified";
  }

  /**
   * Settles when what is notified from now on will arrive, or when it is known that it cannot for now: looks take its place then.
   * The returned function ends it.
   */
  async listen(topic: string, listener: NoticeListener): Promise<() => void> {
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners);
    listeners.add(listener);
    clearTimeout(this.#linger);
    this.#setNet();
    this.#session?.hold(true);
    await this.#ready(topic);
    return () => this.#stop(topic, listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#topics.clear();
    for (const timer of [this.#retry, this.#linger]) clearTimeout(timer);
    clearInterval(this.#net);
    clearInterval(this.#heartbeat);
    const session = this.#session;
    this.#session = undefined;
    await this.#connecting;
    await session?.close().catch(() => undefined);
  }

  #stop(topic: string, listener: NoticeListener): void {
    const listeners = this.#topics.get(topic);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#topics.delete(topic);
    if (this.#topics.size > 0) return;
    // From here on nothing of this keeps the process alive.
    clearInterval(this.#net);
    this.#net = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#session?.hold(false);
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#hangUp(), LINGER_MS).unref();
  }

  #hangUp(): void {
    const session = this.#session;
    if (this.#topics.size > 0 || !session) return;
    this.#forget();
    session.close().catch(() => undefined);
  }

  async #ready(topic: string): Promise<void> {
    if (this.#closed || this.#mode === "polling") return;
    if (!this.#session && !this.#retry) this.#connecting ??= this.#connect();
    await this.#connecting;
    const session = this.#session;
    if (!session || this.#mode !== "notified") return;
    await this.#listenTo(session, topic).catch(() => undefined);
  }

  async #listenTo(session: PostgresSession, topic: string): Promise<void> {
    const channel = this.#channelOf(topic);
    if (this.#listened.get(channel) === topic) return;
    await session.queryWithin({ text: `LISTEN "${channel}"` }, ANSWER_SECONDS);
    this.#listened.set(channel, topic);
  }

  /** Never rejects: a failure is followed by another try. */
  async #connect(): Promise<void> {
    let session: PostgresSession | undefined;
    try {
      session = await this.#openSession();
      const arrives = await this.#probe(session);
      if (!arrives) return this.#fallBack(session);
      for (const topic of this.#topics.keys()) await this.#listenTo(session, topic);
      if (session.isEnded) throw new Error("the connection ended");
      this.#begin(session);
    } catch (error) {
      session?.destroy("it was of no use");
      this.#tryLater(error);
    } finally {
      this.#connecting = undefined;
    }
  }

  async #openSession(): Promise<PostgresSession> {
    const { listenEndpoints, connectTimeout } = this.#target;
    const endpoint = listenEndpoints[this.#endpoint % listenEndpoints.length] ?? listenEndpoints[0];
    this.#listened.clear();
    // A connection may end before it is open: there is no session to compare with by then, and `open` says so itself.
    let opened: PostgresSession | undefined;
    const session = await PostgresSession.open({
      endpoint,
      connectTimeout,
      onEnd: (error) => {
        if (opened && this.#session === opened) this.#tryLater(error);
      },
      onNotice: (channel, payload) => this.#hear(channel, payload),
    });
    opened = session;
    const standby = await session.queryWithin({ text: "SELECT pg_is_in_recovery() AS standby" }, ANSWER_SECONDS);
    if (standby.rows[0]?.standby === true) throw new Error("the server is a standby, where nothing is notified");
    return session;
  }

  /**
   * Whether a notification arrives on this connection. A server that is spoken to directly tells its process id at the handshake;
   * behind a pooler one is sent from another connection, on a channel that is used for nothing else: a pooler may leave it with another client.
   */
  async #probe(session: PostgresSession): Promise<boolean> {
    const { rows } = await session.queryWithin({ text: "SELECT pg_backend_pid() AS pid" }, ANSWER_SECONDS);
    if (rows[0]?.pid === session.processId) return true;
    const channel = `lovage_probe_${newId()}`;
    const heard = new Promise<boolean>((resolve) => {
      const tooLate = setTimeout(() => resolve(false), PROBE_SECONDS * 1000);
      this.#probes.set(channel, () => {
        clearTimeout(tooLate);
        resolve(true);
      });
    });
    await session.queryWithin({ text: `LISTEN "${channel}"` }, ANSWER_SECONDS);
    await this.#notify(channel);
    const arrives = await heard;
    this.#probes.delete(channel);
    if (arrives) await session.queryWithin({ text: `UNLISTEN "${channel}"` }, ANSWER_SECONDS);
    return arrives;
  }

  #begin(session: PostgresSession): void {
    if (this.#closed) {
      session.destroy("it was closed here");
      return;
    }
    if (this.#failures > 0) this.#logger.info("hears PostgreSQL's notifications again");
    this.#failures = 0;
    this.#session = session;
    this.#mode = "notified";
    session.hold(this.#topics.size > 0);
    this.#setNet();
    clearInterval(this.#heartbeat);
    // An open connection that is dead tells nothing: it has to be asked.
    this.#heartbeat = setInterval(() => {
      session.queryWithin({ text: "SELECT 1" }, ANSWER_SECONDS).catch(() => undefined);
    }, HEARTBEAT_SECONDS * 1000).unref();
    this.#lookAll();
  }

  #fallBack(session: PostgresSession): void {
    session.close().catch(() => undefined);
    this.#logger.warn(
      `PostgreSQL's notifications do not arrive through ${session.where}, probably a pooler in transaction mode: looking every ${POLL_SECONDS} s instead; the option listenUrl may name the server itself`,
    );
    this.#mode = "polling";
    this.#setNet();
  }

  #tryLater(error: unknown): void {
    this.#forget();
    if (this.#closed || this.#topics.size === 0) return;
    if (this.#failures === 0)
      this.#logger.warn("lost PostgreSQL's notifications: connecting again", { error: String(error) });
    this.#endpoint++;
    const delayMs = backoffDelay(BACKOFF, this.#failures++) * 1000;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connecting ??= this.#connect();
    }, delayMs);
  }

  #forget(): void {
    this.#session = undefined;
    this.#listened.clear();
    clearInterval(this.#heartbeat);
    if (this.#mode === "notified") this.#mode = "blind";
    if (this.#topics.size > 0) this.#setNet();
  }

  #setNet(): void {
    clearInterval(this.#net);
    const seconds = { notified: NET_SECONDS, blind: BLIND_SECONDS, polling: POLL_SECONDS }[this.#mode];
    this.#net = setInterval(() => this.#lookAll(), seconds * 1000);
  }

  #hear(channel: string, payload: string): void {
    const probed = this.#probes.get(channel);
    if (probed) return probed();
    const topic = this.#listened.get(channel);
    if (topic === undefined) return;
    for (const listener of [...(this.#topics.get(topic) ?? [])]) this.#tell(() => listener.onNotice(payload));
  }

  #lookAll(): void {
    for (const listeners of [...this.#topics.values()])
      for (const listener of [...listeners]) this.#tell(() => listener.onLook());
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#logger.error("a listener to PostgreSQL threw", { error: String(error) });
    }
  }
}
