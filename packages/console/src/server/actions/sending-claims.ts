import type { Logger } from "lovage";
import type { Database } from "../store/database.js";

const STEPS: readonly ((types: { bigint: string }) => string)[] = [
  ({ bigint }) => `CREATE TABLE console_sendings (
    id TEXT PRIMARY KEY,
    seen_version ${bigint} NOT NULL,
    under_way ${bigint} NOT NULL,
    at_ms ${bigint} NOT NULL
  )`,
  () => "CREATE INDEX console_sendings_at ON console_sendings (at_ms)",
];
/** Milliseconds after which one that is still under way was begun by a console that has ended since. */
const UNDER_WAY_MS = 60_000;
/** Milliseconds that a sending is remembered: by then the task's record tells of it. */
const KEPT_MS = 3_600_000;

/** The version of a record that is not there. */
export const NO_RECORD = -1;

export interface SendingClaimsOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly now: () => Date;
}

/**
 * Who sends a task under an id that is given: one at a time, on however many consoles of one store, and none twice for what one look at
 * its record has shown. A record tells of a sending a moment later only, and to other consoles later still.
 */
export class SendingClaims {
  readonly #options: SendingClaimsOptions;

  constructor(options: SendingClaimsOptions) {
    this.#options = options;
  }

  /** Makes the table. Idempotent. */
  async open(): Promise<void> {
    const { database } = this.#options;
    const { bigint } = database.dialect;
    await database.migrate(
      "task sendings",
      STEPS.map((step) => step({ bigint })),
    );
  }

  /**
   * Sends, unless somebody sends a task of this id now or has sent one since the record was in this version: then it throws what `refusal`
   * makes. A sending that fails leaves the id free. Rejects with a `StoreError` when the store is away; nothing was sent then.
   */
  async once<T>(id: string, version: number, send: () => Promise<T>, refusal: () => Error): Promise<T> {
    if (!(await this.#claim(id, version))) throw refusal();
    try {
      const sent = await send();
      await this.#note("UPDATE console_sendings SET under_way = 0 WHERE id = ?", id);
      return sent;
    } catch (error) {
      await this.#note("DELETE FROM console_sendings WHERE id = ?", id);
      throw error;
    }
  }

  /** By one statement, so that only one of many gets it. */
  async #claim(id: string, version: number): Promise<boolean> {
    const nowMs = this.#options.now().getTime();
    const [, rows] = await this.#options.database.write([
      { sql: "DELETE FROM console_sendings WHERE at_ms < ?", values: [nowMs - KEPT_MS] },
      {
        sql: `INSERT INTO console_sendings (id, seen_version, under_way, at_ms) VALUES (?, ?, 1, ?)
          ON CONFLICT (id) DO UPDATE SET seen_version = excluded.seen_version, under_way = 1, at_ms = excluded.at_ms
          WHERE (console_sendings.under_way = 0 AND console_sendings.seen_version <> excluded.seen_version)
            OR (console_sendings.under_way = 1 AND console_sendings.at_ms < ?)
          RETURNING id`,
        values: [id, version, nowMs, nowMs - UNDER_WAY_MS],
      },
    ]);
    return (rows?.length ?? 0) > 0;
  }

  /** What was sent is sent: a store that takes no note of it must not make it look undone. The id is free after a minute then. */
  async #note(sql: string, id: string): Promise<void> {
    try {
      await this.#options.database.write([{ sql, values: [id] }]);
    } catch (error) {
      this.#options.logger.warn("the sending of a task could not be noted", { task: id, error: String(error) });
    }
  }
}
