import type { Clock } from "lovage/internal";
import type { Database } from "../store/database.js";
import { hashSecret, newSecret } from "./secrets.js";

/** Seconds without a request after which a session ends. */
export const SESSION_IDLE_SECONDS = 12 * 3600;
/** `seen_ms` is written at most this often: not every request is worth a transaction. */
const TOUCH_MS = 60_000;

/**
 * Log-ins of browsers. The cookie holds 256 random bits; the store has their SHA-256 only, so that a copy of it lets nobody in.
 */
export class SessionBook {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { readonly database: Database; readonly clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate("console_sessions", [
      `CREATE TABLE console_sessions (id_hash TEXT PRIMARY KEY, user_name TEXT NOT NULL, created_ms ${bigint} NOT NULL, seen_ms ${bigint} NOT NULL, address TEXT NOT NULL)`,
      "CREATE INDEX console_sessions_user ON console_sessions (user_name)",
    ]);
  }

  /** The secret for the cookie: shown once, to the browser. */
  async begin(userName: string, address: string): Promise<string> {
    const secret = newSecret();
    const nowMs = this.#nowMs();
    await this.#database.write([
      {
        sql: "INSERT INTO console_sessions (id_hash, user_name, created_ms, seen_ms, address) VALUES (?, ?, ?, ?, ?)",
        values: [hashSecret(secret), userName, nowMs, nowMs, address],
      },
    ]);
    return secret;
  }

  /** Whose session it is; undefined when it is over or never was. Keeps it alive, unless it is only looked at. */
  async userOf(secret: string, options: { readonly touch: boolean } = { touch: true }): Promise<string | undefined> {
    const idHash = hashSecret(secret);
    const row = await this.#database.get({
      sql: "SELECT user_name, seen_ms FROM console_sessions WHERE id_hash = ?",
      values: [idHash],
    });
    if (row === undefined) return undefined;
    const nowMs = this.#nowMs();
    const seenMs = Number(row.seen_ms);
    if (seenMs < nowMs - SESSION_IDLE_SECONDS * 1000) return undefined;
    if (options.touch && seenMs < nowMs - TOUCH_MS) await this.#touch(idHash, nowMs);
    return String(row.user_name);
  }

  /** Ends all sessions of a user, in every browser. */
  async endAllOf(userName: string): Promise<void> {
    await this.#database.write([{ sql: "DELETE FROM console_sessions WHERE user_name = ?", values: [userName] }]);
  }

  /** Removes sessions that are over. */
  async sweep(): Promise<void> {
    const oldest = this.#nowMs() - SESSION_IDLE_SECONDS * 1000;
    await this.#database.write([{ sql: "DELETE FROM console_sessions WHERE seen_ms < ?", values: [oldest] }]);
  }

  async #touch(idHash: string, nowMs: number): Promise<void> {
    await this.#database.write([
      { sql: "UPDATE console_sessions SET seen_ms = ? WHERE id_hash = ?", values: [nowMs, idHash] },
    ]);
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}
