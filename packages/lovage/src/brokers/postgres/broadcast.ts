import type { PostgresDatabase } from "../../connections/postgres.js";
import type { Message } from "../../protocol/message.js";
import { newId } from "../../util/ids.js";
import type { Logger } from "../../util/logger.js";
import type { Broadcast, BroadcastChannel, Subscription } from "../broker.js";
import { matchesTopic } from "../topic-pattern.js";
import { decodeBroadcast, encodeBroadcast } from "./broadcast-payload.js";
import { translated } from "./translate.js";

/** Bytes of a notification's payload. Source: PostgreSQL manual, NOTIFY: "must be specified as a simple string literal … shorter than 8000 bytes". */
const NOTICE_BYTES = 7900;
/** Seconds a subscriber counts as there after it last said so. */
const SUBSCRIBER_SECONDS = 30;
/** Seconds a broadcast is kept for those who are slow to read it. */
const KEPT_SECONDS = 60;
/** Broadcasts sent by one statement. */
const SEND_LIMIT = 500;

interface Outgoing {
  readonly channel: BroadcastChannel;
  readonly payload: string;
  readonly id: string;
  readonly long: boolean;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Broadcasts as notifications, in transactions of their own: those of a moment go together, in their order. One that is too long is a
 * row whose id is notified. While somebody listens who cannot be notified, all are rows that he looks for. While nobody listens to a
 * channel, nothing is written at all.
 */
export class PostgresBroadcast implements Broadcast {
  readonly #database: PostgresDatabase;
  readonly #logger: Logger;
  readonly #subscriptions = new Set<PostgresSubscription>();
  readonly #refuseWhenClosed: () => void;
  #outgoing: Outgoing[] = [];
  #sending = false;
  #prunedMs = 0;
  #closed = false;

  constructor(database: PostgresDatabase, logger: Logger, refuseWhenClosed: () => void) {
    this.#database = database;
    this.#logger = logger;
    this.#refuseWhenClosed = refuseWhenClosed;
  }

  async publish(channel: BroadcastChannel, routingKey: string, message: Message): Promise<void> {
    this.#refuseWhenClosed();
    const payload = encodeBroadcast(routingKey, message);
    const long = Buffer.byteLength(payload) > NOTICE_BYTES;
    await translated(
      new Promise<void>((resolve, reject) => {
        this.#outgoing.push({ channel, payload, id: newId(), long, resolve, reject });
        if (this.#sending) return;
        this.#sending = true;
        // With all others of this turn of the event loop.
        setImmediate(() => void this.#sendAll());
      }),
    );
  }

  async subscribe(
    channel: BroadcastChannel,
    pattern: string,
    onMessage: (message: Message, routingKey: string) => void,
  ): Promise<Subscription> {
    this.#refuseWhenClosed();
    const subscription = new PostgresSubscription(this.#database, this.#logger, { channel, pattern, onMessage }, () =>
      this.#subscriptions.delete(subscription),
    );
    this.#subscriptions.add(subscription);
    try {
      await translated(subscription.start());
    } catch (error) {
      subscription.abandon();
      this.#subscriptions.delete(subscription);
      throw error;
    }
    // Closed meanwhile: this one would never be told to end.
    if (this.#closed) await subscription.cancel();
    this.#refuseWhenClosed();
    return subscription;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.cancel()));
  }

  /** Stops without a word to the server, as a process that dies does. */
  abandon(): void {
    for (const subscription of this.#subscriptions) subscription.abandon();
  }

  async #sendAll(): Promise<void> {
    while (this.#outgoing.length > 0) {
      const batch = this.#outgoing.splice(0, SEND_LIMIT);
      try {
        await this.#send(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#sending = false;
    this.#prune();
  }

  async #send(batch: readonly Outgoing[]): Promise<void> {
    const s = this.#database.schema;
    await this.#database.query(
      `WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true)),
      listening AS MATERIALIZED (SELECT channel, bool_or(polls) AS polls, bool_or(NOT polls) AS hears
        FROM ${s}.broker_subscribers WHERE expires > now() GROUP BY channel),
      given AS MATERIALIZED (SELECT g.*, l.polls, l.hears FROM lazily,
        unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::boolean[]) WITH ORDINALITY AS g (channel, notified, payload, id, long, place)
        JOIN listening l ON l.channel = g.channel ORDER BY place),
      stored AS (INSERT INTO ${s}.broker_broadcasts (id, channel, payload)
        SELECT id, channel, payload FROM given WHERE polls OR long ORDER BY place)
      SELECT pg_notify(notified, CASE WHEN long THEN '@' || id ELSE payload END) FROM (SELECT * FROM given WHERE hears ORDER BY place) AS ordered`,
      [
        batch.map(({ channel }) => channel),
        batch.map(({ channel }) => this.#database.channel(topicOf(channel))),
        batch.map(({ payload }) => payload),
        batch.map(({ id }) => id),
        batch.map(({ long }) => long),
      ],
      // A control request that came twice could be obeyed twice.
      { repeatable: false },
    );
  }

  #prune(): void {
    const nowMs = performance.now();
    if (nowMs - this.#prunedMs < (KEPT_SECONDS * 1000) / 4) return;
    this.#prunedMs = nowMs;
    const s = this.#database.schema;
    const tidy = async (): Promise<void> => {
      await this.#database.query(
        `DELETE FROM ${s}.broker_broadcasts WHERE at < now() - interval '${KEPT_SECONDS} seconds'`,
      );
      await this.#database.query(`DELETE FROM ${s}.broker_subscribers WHERE expires < now()`);
    };
    tidy().catch((error: unknown) => this.#logger.debug("could not tidy up broadcasts", { error: String(error) }));
  }
}

function topicOf(channel: BroadcastChannel): string {
  return `broadcast_${channel}`;
}

interface Interest {
  readonly channel: BroadcastChannel;
  readonly pattern: string;
  readonly onMessage: (message: Message, routingKey: string) => void;
}

class PostgresSubscription implements Subscription {
  readonly #database: PostgresDatabase;
  readonly #logger: Logger;
  readonly #interest: Interest;
  readonly #onEnd: () => void;
  readonly #id = newId();
  #stopListening: (() => void) | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #ended = false;
  /** One notification after the other: a long one has to be read first. */
  #reading: Promise<void> = Promise.resolve();
  /** Rows up to here have been looked at by a look of its own; of those that may still appear out of order, the ids. */
  #seenSeq = "0";
  readonly #seen = new Set<string>();
  #polls = false;

  constructor(database: PostgresDatabase, logger: Logger, interest: Interest, onEnd: () => void) {
    this.#database = database;
    this.#logger = logger;
    this.#interest = interest;
    this.#onEnd = onEnd;
  }

  async start(): Promise<void> {
    const { channel } = this.#interest;
    const stop = await this.#database.listen(topicOf(channel), {
      onNotice: (payload) => this.#hear(payload),
      onLook: () => this.#look(),
    });
    this.#stopListening = stop;
    if (this.#ended) return stop();
    await this.#renew();
    this.#renewal = setInterval(() => this.#renewLater(), (SUBSCRIBER_SECONDS * 1000) / 3).unref();
  }

  async cancel(): Promise<void> {
    if (this.#ended) return;
    this.abandon();
    this.#onEnd();
    // The row expires by itself if this fails.
    const text = `DELETE FROM ${this.#database.schema}.broker_subscribers WHERE id = $1::uuid`;
    await this.#database.query(text, [this.#id], { timeout: 2 }).catch(() => undefined);
  }

  abandon(): void {
    this.#ended = true;
    this.#stopListening?.();
    clearInterval(this.#renewal);
  }

  #renewLater(): void {
    this.#renew().catch((error: unknown) =>
      this.#logger.debug("a listener could not tell that it is there", { error: String(error) }),
    );
  }

  /** Tells that it is there. Where it cannot be notified it begins to look, from what there is now. */
  async #renew(): Promise<void> {
    const polls = !this.#database.isNotified;
    const s = this.#database.schema;
    const { rows } = await this.#database.query(
      `WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true))
      INSERT INTO ${s}.broker_subscribers (id, channel, polls, expires)
      SELECT $1::uuid, $2, $3::boolean, now() + interval '${SUBSCRIBER_SECONDS} seconds' FROM lazily
      ON CONFLICT (id) DO UPDATE SET polls = excluded.polls, expires = excluded.expires
      RETURNING (SELECT coalesce(max(seq), 0) FROM ${s}.broker_broadcasts)::text AS seq`,
      [this.#id, this.#interest.channel, polls],
    );
    if (polls && !this.#polls) this.#seenSeq = String(rows[0]?.seq ?? "0");
    this.#polls = polls;
  }

  #hear(payload: string): void {
    if (!payload.startsWith("@")) {
      this.#inTurn(async () => this.#accept(payload));
      return;
    }
    const id = payload.slice(1);
    this.#inTurn(async () => {
      const text = `SELECT payload FROM ${this.#database.schema}.broker_broadcasts WHERE id = $1::uuid`;
      const { rows } = await this.#database.query(text, [id]);
      for (const row of rows) this.#accept(String(row.payload));
    });
  }

  /** In the order of the notifications, also when one of them has to be read. */
  #inTurn(work: () => Promise<void>): void {
    this.#reading = this.#reading.then(work).catch((error: unknown) => {
      this.#logger.warn("could not read a broadcast", { channel: this.#interest.channel, error: String(error) });
    });
  }

  #look(): void {
    if (this.#polls !== !this.#database.isNotified) this.#renewLater();
    if (this.#polls) this.#inTurn(() => this.#readNew());
  }

  /** Numbers may become visible out of order: those of the last seconds are looked at again. */
  async #readNew(): Promise<void> {
    const { rows } = await this.#database.query(
      `SELECT id, payload, seq::text AS seq, at < now() - interval '5 seconds' AS settled
      FROM ${this.#database.schema}.broker_broadcasts WHERE channel = $1 AND seq > $2::bigint ORDER BY seq LIMIT 5000`,
      [this.#interest.channel, this.#seenSeq],
    );
    for (const row of rows) {
      const id = String(row.id);
      if (!this.#seen.has(id)) this.#accept(String(row.payload));
      this.#seen.add(id);
      if (row.settled !== true) continue;
      this.#seenSeq = String(row.seq);
      this.#seen.delete(id);
    }
  }

  #accept(payload: string): void {
    const heard = decodeBroadcast(payload);
    if (this.#ended || !heard || !this.#wants(heard.routingKey)) return;
    try {
      this.#interest.onMessage(heard.message, heard.routingKey);
    } catch (error) {
      this.#logger.error("a listener threw", { channel: this.#interest.channel, error: String(error) });
    }
  }

  #wants(routingKey: string): boolean {
    const { channel, pattern } = this.#interest;
    if (channel === "control") return true;
    return channel === "replies" ? pattern === routingKey : matchesTopic(pattern, routingKey);
  }
}
