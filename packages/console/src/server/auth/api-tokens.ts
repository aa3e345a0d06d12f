import { type Clock, newId } from "lovage/internal";
import { ROLES, type Role } from "../../api/common.js";
import type { TokenItem } from "../../api/operations.js";
import type { Database, Row } from "../store/database.js";
import { hashSecret, newSecret } from "./secrets.js";

/** Begins every token, so that scanners for leaked secrets can tell one. */
const TOKEN_PREFIX = "lovage_";
const TOUCH_MS = 60_000;

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  /** Null: it does not end by itself. */
  readonly expires: Date | null;
}
export type TokenChange = Partial<NewToken & { readonly disabled: boolean }>;

/** Tokens of programs (`Authorization: Bearer lovage_…`): the store has their SHA-256 only. */
export class TokenBook {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { readonly database: Database; readonly clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate("console_tokens", [
      `CREATE TABLE console_tokens (id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
        created_ms ${bigint} NOT NULL, expires_ms ${bigint}, used_ms ${bigint}, disabled ${bigint} NOT NULL)`,
    ]);
  }

  async list(): Promise<readonly TokenItem[]> {
    const rows = await this.#database.all({ sql: "SELECT * FROM console_tokens ORDER BY name, id" });
    return rows.map(tokenItem);
  }

  /** The token itself is in this reply and nowhere else. */
  async create(token: NewToken): Promise<{ readonly item: TokenItem; readonly token: string }> {
    const secret = TOKEN_PREFIX + newSecret();
    const id = newId();
    const [rows] = await this.#database.write([
      {
        sql: `INSERT INTO console_tokens (id, token_hash, name, role, created_ms, expires_ms, used_ms, disabled)
              VALUES (?, ?, ?, ?, ?, ?, NULL, 0) RETURNING *`,
        values: [id, hashSecret(secret), token.name, token.role, this.#nowMs(), token.expires?.getTime() ?? null],
      },
    ]);
    const [row] = rows ?? [];
    if (row === undefined) throw new Error("the store gave no row for a new token");
    return { item: tokenItem(row), token: secret };
  }

  /** Undefined when there is no such token. */
  async change(id: string, change: TokenChange): Promise<TokenItem | undefined> {
    const row = await this.#database.get({ sql: "SELECT * FROM console_tokens WHERE id = ?", values: [id] });
    if (row === undefined) return undefined;
    const expiresMs = change.expires === undefined ? row.expires_ms : (change.expires?.getTime() ?? null);
    const disabled = change.disabled === undefined ? row.disabled : Number(change.disabled);
    const [rows] = await this.#database.write([
      {
        sql: "UPDATE console_tokens SET name = ?, role = ?, expires_ms = ?, disabled = ? WHERE id = ? RETURNING *",
        values: [change.name ?? row.name ?? "", change.role ?? row.role ?? "", expiresMs ?? null, disabled ?? 0, id],
      },
    ]);
    const [changed] = rows ?? [];
    return changed === undefined ? undefined : tokenItem(changed);
  }

  /** Who a token stands for; undefined for one that is unknown, disabled or over. */
  async find(token: string): Promise<{ readonly name: string; readonly role: Role } | undefined> {
    const row = await this.#database.get({
      sql: "SELECT * FROM console_tokens WHERE token_hash = ?",
      values: [hashSecret(token)],
    });
    if (row === undefined || row.disabled !== 0) return undefined;
    const nowMs = this.#nowMs();
    if (row.expires_ms !== null && Number(row.expires_ms) <= nowMs) return undefined;
    if (row.used_ms === null || Number(row.used_ms) < nowMs - TOUCH_MS) await this.#touch(String(row.id), nowMs);
    return { name: String(row.name), role: roleOf(row.role) };
  }

  async #touch(id: string, nowMs: number): Promise<void> {
    await this.#database.write([{ sql: "UPDATE console_tokens SET used_ms = ? WHERE id = ?", values: [nowMs, id] }]);
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}

/** A role as the store has it: what is none of ours may only look. */
export function roleOf(value: unknown): Role {
  return ROLES.find((role) => role === value) ?? "viewer";
}

function tokenItem(row: Row): TokenItem {
  return {
    id: String(row.id),
    name: String(row.name),
    role: roleOf(row.role),
    createdAt: new Date(Number(row.created_ms)).toISOString(),
    expires: instantOrNull(row.expires_ms),
    lastUsed: instantOrNull(row.used_ms),
    disabled: row.disabled !== 0,
  };
}

function instantOrNull(ms: unknown): string | null {
  return typeof ms === "number" ? new Date(ms).toISOString() : null;
}
