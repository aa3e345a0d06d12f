import type { QueueSpec, Route, TransactionQuery } from "../brokers/broker.js";
import type { Share } from "../connections/connections.js";
import {
  type NoticeListener,
  type PostgresDatabase,
  type PostgresTransaction,
  postgresDatabase,
} from "../connections/postgres.js";
import type { Message } from "../protocol/message.js";
import type { DatabaseOptions } from "./database-id.js";
import { decodeEntry, encodeEntry } from "./outbox-row.js";

/** A message on its way to the broker. */
export interface OutboxEntry {
  readonly message: Message;
  readonly route: Route;
  /** To be declared first, if it is one of ours. */
  readonly queue: QueueSpec | undefined;
}

/** An entry as it waits. */
export interface OutboxRow {
  readonly id: string;
  /** A `DecodeError` for what somebody else put there. */
  readonly entry: OutboxEntry | Error;
}

/** Seconds within which a batch is published and removed; a process that is frozen for longer loses its turn. */
const TURN_SECONDS = 30;
const TOPIC = "outbox";

/** Tasks that were sent inside transactions and wait to be published, in the database of those transactions. */
export class Outbox {
  readonly #share: Share<PostgresDatabase>;
  readonly #database: PostgresDatabase;

  constructor(options: DatabaseOptions) {
    this.#share = postgresDatabase({ ...options, writeTimeout: TURN_SECONDS }).share;
    this.#database = this.#share.value;
  }

  /** For people: no secrets. */
  get where(): string {
    return this.#database.where;
  }

  /** Connects, and makes the tables when they are not there. */
  async open(): Promise<void> {
    await this.#database.open();
  }

  /** Puts an entry there through a program's own client. Relays hear of it when its transaction has committed. */
  async put(query: TransactionQuery, entry: OutboxEntry): Promise<void> {
    const { message, body, route } = encodeEntry(entry);
    await query(
      `WITH entry AS (
        INSERT INTO ${this.#database.schema}.outbox (message, body, route) VALUES ($1::text, $2::bytea, $3::text) RETURNING id
      ) SELECT pg_notify($4::text, '') FROM entry`,
      [message, body, route, this.#database.channel(TOPIC)],
    );
  }

  /** Tells of new entries; see `PostgresDatabase.listen`. */
  async listen(listener: NoticeListener): Promise<() => void> {
    return await this.#database.listen(TOPIC, listener);
  }

  /**
   * Runs `work` with the oldest entries, in order, while nobody else can have them. Those that it returns as `done` are removed; those in
   * `failed` stay, marked with their errors, and are not handed out again. Returns undefined, at once, when somebody else has them.
   */
  async take(
    limit: number,
    work: (rows: readonly OutboxRow[]) => Promise<TakeOutcome>,
  ): Promise<(TakeOutcome & { readonly taken: number }) | undefined> {
    return await this.#database.transaction(
      async ({ query }) => {
        // It ends with the transaction, whatever becomes of this process, and works through a pooler.
        const lock = await query("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine", [
          this.#database.channel(TOPIC),
        ]);
        if (lock.rows[0]?.mine !== true) return undefined;
        const { rows } = await query(
          `SELECT id, message, body, route FROM ${this.#database.schema}.outbox WHERE error IS NULL ORDER BY id LIMIT $1`,
          [limit],
        );
        if (rows.length === 0) return { done: [], failed: [], taken: 0 };
        const outcome = await work(rows.map((row) => ({ id: String(row.id), entry: decodeEntry(row) })));
        await this.#note(query, outcome);
        return { ...outcome, taken: rows.length };
      },
      { timeout: TURN_SECONDS },
    );
  }

  async close(): Promise<void> {
    await this.#share.release();
  }

  async #note(query: PostgresTransaction["query"], { done, failed }: TakeOutcome): Promise<void> {
    const { schema } = this.#database;
    if (done.length > 0) await query(`DELETE FROM ${schema}.outbox WHERE id = ANY($1::bigint[])`, [done]);
    for (const { id, error } of failed)
      await query(`UPDATE ${schema}.outbox SET error = $2, failed_at = now() WHERE id = $1`, [
        id,
        error.replaceAll("\0", "\uFFFD"),
      ]);
  }
}

export interface TakeOutcome {
  /** Ids of what was published. */
  readonly done: readonly string[];
  /** What will never be published, and why. */
  readonly failed: readonly { readonly id: string; readonly error: string }[];
  /** Why the rest was not published now. */
  readonly failure?: unknown;
}
