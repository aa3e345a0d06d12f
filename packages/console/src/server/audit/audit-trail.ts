import type { z } from "@hono/zod-openapi";
import type { Logger } from "lovage";
import { type Clock, systemClock } from "lovage/internal";
import type { AuditEntry, AuditQuery } from "../../api/operations.js";
import type { AuditLog } from "../parts.js";
import { ApiError } from "../route.js";
import type { Database, Row, SqlValue } from "../store/database.js";
import { likePattern, storable } from "../store/stored-texts.js";
import { auditParameters } from "./audit-parameters.js";
import type { HideContents } from "./hidden-contents.js";

type AuditFilter = Pick<z.output<typeof AuditQuery>, "q" | "user" | "action" | "from" | "to">;
type AuditLine = Parameters<AuditLog["write"]>[0];

/** Refusals of strangers that are written per minute; the rest are counted in one line. */
const MOST_STRANGERS_A_MINUTE = 120;
/** Longest texts of a line: names and paths come from anybody. */
const MOST_TEXT = 500;
const EXPORT_PAGE = 500;

/**
 * What was asked of the console, by whom and with what outcome: one line for each unsafe request, refused ones too. Lines are only added;
 * retention removes them after `auditDays`. There is no way to change one.
 *
 * Someone who cannot log in could fill the store with refusals: beyond 120 a minute those are counted, and the count is a line.
 */
export class AuditTrail implements AuditLog {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #hide: HideContents | undefined;
  #minute = { beganAt: Number.NEGATIVE_INFINITY, lines: 0, more: 0 };

  constructor(options: {
    readonly database: Database;
    readonly logger: Logger;
    readonly clock?: Clock;
    /** What the program itself takes out of what tasks are given. */
    readonly hide?: HideContents | undefined;
  }) {
    this.#hide = options.hide;
    this.#database = options.database;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
  }

  async open(): Promise<void> {
    const { autoId, bigint } = this.#database.dialect;
    await this.#database.migrate("console_audit", [
      `CREATE TABLE console_audit (id ${autoId}, at_ms ${bigint} NOT NULL, user_name TEXT NOT NULL, role TEXT NOT NULL, via TEXT NOT NULL,
        action TEXT NOT NULL, target TEXT NOT NULL, parameters TEXT NOT NULL, outcome TEXT NOT NULL, address TEXT NOT NULL)`,
      "CREATE INDEX console_audit_at ON console_audit (at_ms)",
    ]);
  }

  /** Parameters are redacted here, so that no caller can forget it. Rejects when the store takes nothing. */
  async write(line: AuditLine): Promise<void> {
    if (line.role === "" && !this.#mayStrangerWrite()) return;
    await this.#insert(line);
  }

  /** Newest first, or oldest first with `sort: "at"`. */
  async list(
    filter: AuditFilter,
    page: { readonly limit: number; readonly cursor?: string | undefined; readonly sort?: string | undefined },
  ): Promise<{ readonly items: readonly AuditEntry[]; readonly nextCursor: string | null; readonly total: number }> {
    const ascending = page.sort === "at";
    const conditions = this.#conditionsOf(filter);
    const { sql: where, values } = joinConditions(conditions);
    const total = await this.#database.get({ sql: `SELECT COUNT(*) AS entries FROM console_audit${where}`, values });
    if (page.cursor !== undefined) {
      conditions.push({ sql: ascending ? "id > ?" : "id < ?", values: [cursorId(page.cursor)] });
    }
    const paged = joinConditions(conditions);
    const rows = await this.#database.all({
      sql: `SELECT * FROM console_audit${paged.sql} ORDER BY id ${ascending ? "ASC" : "DESC"} LIMIT ?`,
      values: [...paged.values, page.limit + 1],
    });
    const items = rows.slice(0, page.limit).map(auditEntry);
    const last = items.at(-1);
    return {
      items,
      nextCursor: rows.length > page.limit && last !== undefined ? String(last.id) : null,
      total: Number(total?.entries ?? 0),
    };
  }

  /** All that match, newest first, a page at a time. At most `most`. */
  async *export(filter: AuditFilter, most: number): AsyncIterable<AuditEntry> {
    let cursor: string | undefined;
    let left = most;
    while (left > 0) {
      const page = await this.list(filter, { limit: Math.min(EXPORT_PAGE, left), cursor });
      yield* page.items;
      left -= page.items.length;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  /** Removes lines older than `days`; returns how many went. */
  async sweep(days: number): Promise<number> {
    const oldest = this.#clock.now().getTime() - days * 86_400_000;
    const [rows] = await this.#database.write([
      { sql: "DELETE FROM console_audit WHERE at_ms < ? RETURNING id", values: [Math.floor(oldest)] },
    ]);
    return rows?.length ?? 0;
  }

  async #insert(line: AuditLine): Promise<void> {
    const texts = [line.user, line.role, line.via, line.action, line.target].map(cut);
    const values: SqlValue[] = [
      this.#clock.now().getTime(),
      ...texts,
      storable(auditParameters(this.#hide ? this.#hide(line.parameters) : line.parameters)),
      cut(line.outcome),
      cut(line.address),
    ];
    await this.#database.write([
      {
        sql: `INSERT INTO console_audit (at_ms, user_name, role, via, action, target, parameters, outcome, address)
              VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        values,
      },
    ]);
  }

  #mayStrangerWrite(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#minute.beganAt >= 60) {
      if (this.#minute.more > 0) this.#writeCount(this.#minute.more);
      this.#minute = { beganAt: now, lines: 0, more: 0 };
    }
    if (this.#minute.lines < MOST_STRANGERS_A_MINUTE) {
      this.#minute.lines += 1;
      return true;
    }
    this.#minute.more += 1;
    return false;
  }

  #writeCount(count: number): void {
    this.#insert({
      user: "",
      role: "",
      via: "api",
      action: "refused requests",
      target: "",
      parameters: { count },
      outcome: `${count} more requests without credentials were refused in one minute`,
      address: "",
    }).catch((error: unknown) =>
      this.#logger.error("refused requests could not be written to the audit trail", { count, error }),
    );
  }

  #conditionsOf(filter: AuditFilter): { sql: string; values: readonly SqlValue[] }[] {
    const conditions: { sql: string; values: readonly SqlValue[] }[] = [];
    if (filter.user !== undefined) conditions.push({ sql: "user_name = ?", values: [filter.user] });
    if (filter.action !== undefined) conditions.push({ sql: "action = ?", values: [filter.action] });
    if (filter.from !== undefined) conditions.push({ sql: "at_ms >= ?", values: [Date.parse(filter.from)] });
    if (filter.to !== undefined) conditions.push({ sql: "at_ms < ?", values: [Date.parse(filter.to)] });
    if (filter.q !== undefined && filter.q !== "") {
      const pattern = likePattern(filter.q);
      const columns = ["user_name", "action", "target", "outcome", "address", "parameters"];
      const any = columns.map((column) => this.#database.dialect.contains(column)).join(" OR ");
      conditions.push({ sql: `(${any})`, values: columns.map(() => pattern) });
    }
    return conditions;
  }
}

function joinConditions(conditions: readonly { readonly sql: string; readonly values: readonly SqlValue[] }[]) {
  if (conditions.length === 0) return { sql: "", values: [] };
  return {
    sql: ` WHERE ${conditions.map((condition) => condition.sql).join(" AND ")}`,
    values: conditions.flatMap((condition) => condition.values),
  };
}

function auditEntry(row: Row): AuditEntry {
  const parameters: unknown = JSON.parse(String(row.parameters));
  return {
    id: Number(row.id),
    at: new Date(Number(row.at_ms)).toISOString(),
    user: String(row.user_name),
    role: String(row.role),
    via: row.via === "page" || row.via === "flower" ? row.via : "api",
    action: String(row.action),
    target: String(row.target),
    parameters: typeof parameters === "object" && parameters !== null ? { ...parameters } : {},
    outcome: String(row.outcome),
    address: String(row.address),
  };
}

function cursorId(cursor: string): number {
  const id = Number(cursor);
  if (!Number.isSafeInteger(id)) throw new ApiError(400, "bad_cursor", "the cursor is none of this list's");
  return id;
}

function cut(text: string): string {
  const plain = storable(text);
  return plain.length > MOST_TEXT ? `${plain.slice(0, MOST_TEXT)}…` : plain;
}
