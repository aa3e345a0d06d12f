import type { Sql, SqliteDatabase } from "../../connections/sqlite.js";
import type { Message } from "../../protocol/message.js";
import { newId } from "../../util/ids.js";
import type { Logger } from "../../util/logger.js";
import type { Broadcast, BroadcastChannel, Subscription } from "../broker.js";
import { matchesTopic } from "../topic-pattern.js";
import { ENVELOPE_COLUMNS, envelopeValues, messageOf } from "./envelope.js";
import { translated } from "./translate.js";

/** Milliseconds a subscriber counts as there after it last said so. */
const SUBSCRIBER_LEASE_MS = 30_000;
/** Milliseconds a broadcast is kept for those who are slow to read it. */
const KEPT_MS = 60_000;
/** Rows read at a time. */
const READ_LIMIT = 500;

const LISTENED_TO = "SELECT 1 FROM broker_subscribers WHERE channel = ? AND expires > ? LIMIT 1";
const INSERT_BROADCAST = `INSERT INTO broker_broadcasts (channel, routing_key, published, ${ENVELOPE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const READ_BROADCASTS = `SELECT id, routing_key, ${ENVELOPE_COLUMNS} FROM broker_broadcasts WHERE channel = ? AND id > ? ORDER BY id LIMIT ${READ_LIMIT}`;

/** Broadcasts as rows that every listener reads once. Nothing is written while nobody listens. */
export class SqliteBroadcast implements Broadcast {
  readonly #database: SqliteDatabase;
  readonly #logger: Logger;
  readonly #subscriptions = new Set<SqliteSubscription>();
  readonly #refuseWhenClosed: () => void;
  #prunedMs = 0;
  #closed = false;

  constructor(database: SqliteDatabase, logger: Logger, refuseWhenClosed: () => void) {
    this.#database = database;
    this.#logger = logger;
    this.#refuseWhenClosed = refuseWhenClosed;
  }

  async publish(channel: BroadcastChannel, routingKey: string, message: Message): Promise<void> {
    this.#refuseWhenClosed();
    const envelope = envelopeValues(message);
    await translated(
      this.#database.write((sql) => {
        const now = Date.now();
        if (!sql.prepare(LISTENED_TO).get(channel, now)) return;
        sql.prepare(INSERT_BROADCAST).run(channel, routingKey, now, ...envelope);
        this.#prune(sql, now);
      }),
    );
  }

  async subscribe(
    channel: BroadcastChannel,
    pattern: string,
    onMessage: (message: Message, routingKey: string) => void,
  ): Promise<Subscription> {
    this.#refuseWhenClosed();
    const subscription = new SqliteSubscription(this.#database, this.#logger, { channel, pattern, onMessage }, () =>
      this.#subscriptions.delete(subscription),
    );
    this.#subscriptions.add(subscription);
    await translated(subscription.start());
    // Closed meanwhile: this one would never be told to end.
    if (this.#closed) await subscription.cancel();
    this.#refuseWhenClosed();
    return subscription;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.cancel()));
  }

  /** Stops without a word to the file, as a process that dies does. */
  abandon(): void {
    for (const subscription of this.#subscriptions) subscription.abandon();
  }

  #prune(sql: Sql, nowMs: number): void {
    if (nowMs - this.#prunedMs < KEPT_MS / 4) return;
    this.#prunedMs = nowMs;
    sql.prepare("DELETE FROM broker_broadcasts WHERE published < ?").run(nowMs - KEPT_MS);
    sql.prepare("DELETE FROM broker_subscribers WHERE expires < ?").run(nowMs);
  }
}

interface Interest {
  readonly channel: BroadcastChannel;
  readonly pattern: string;
  readonly onMessage: (message: Message, routingKey: string) => void;
}

class SqliteSubscription implements Subscription {
  readonly #database: SqliteDatabase;
  readonly #logger: Logger;
  readonly #interest: Interest;
  readonly #onEnd: () => void;
  readonly #id = newId();
  #seen = 0;
  #stopListening: (() => void) | undefined;
  #renewal: NodeJS.Timeout | undefined;

  constructor(database: SqliteDatabase, logger: Logger, interest: Interest, onEnd: () => void) {
    this.#database = database;
    this.#logger = logger;
    this.#interest = interest;
    this.#onEnd = onEnd;
  }

  async start(): Promise<void> {
    this.#seen = await this.#database.write((sql) => {
      this.#renewIn(sql);
      return Number(sql.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'broker_broadcasts'").get()?.seq ?? 0);
    });
    this.#stopListening = this.#database.onChange(() => this.#readNew());
    this.#renewal = setInterval(() => this.#renew(), SUBSCRIBER_LEASE_MS / 3).unref();
  }

  async cancel(): Promise<void> {
    if (!this.#stopListening) return;
    this.abandon();
    this.#onEnd();
    // The row expires by itself if this fails.
    await this.#database
      .write((sql) => sql.prepare("DELETE FROM broker_subscribers WHERE id = ?").run(this.#id))
      .catch(() => undefined);
  }

  abandon(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearInterval(this.#renewal);
  }

  #renew(): void {
    this.#database
      .write((sql) => this.#renewIn(sql))
      .catch((error: unknown) =>
        this.#logger.warn("a listener could not tell that it is there", { error: String(error) }),
      );
  }
  #renewIn(sql: Sql): void {
    sql
      .prepare("INSERT INTO broker_subscribers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires")
      .run(this.#id, this.#interest.channel, Date.now() + SUBSCRIBER_LEASE_MS);
  }

  #readNew(): void {
    for (;;) {
      const rows = this.#database.read((sql) => sql.prepare(READ_BROADCASTS).all(this.#interest.channel, this.#seen));
      for (const row of rows) {
        this.#seen = Number(row.id);
        const routingKey = String(row.routing_key);
        if (this.#wants(routingKey)) this.#tell(messageOf(row), routingKey);
        if (!this.#stopListening) return;
      }
      if (rows.length < READ_LIMIT) return;
    }
  }

  #wants(routingKey: string): boolean {
    const { channel, pattern } = this.#interest;
    if (channel === "control") return true;
    return channel === "replies" ? pattern === routingKey : matchesTopic(pattern, routingKey);
  }

  #tell(message: Message, routingKey: string): void {
    try {
      this.#interest.onMessage(message, routingKey);
    } catch (error) {
      this.#logger.error("a listener threw", { channel: this.#interest.channel, error: String(error) });
    }
  }
}
