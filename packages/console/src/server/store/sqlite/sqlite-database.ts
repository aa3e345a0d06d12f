import { stat } from "node:fs/promises";
import type { Logger } from "lovage";
import { Connections, type Share, type Sql, type SqliteDatabase, SqliteError, sqliteDatabase } from "lovage/internal";
import type { Database, Dialect, Row, SqlValue, Statement } from "../database.js";
import { UnmetError } from "../store-error.js";
import { StoreTrouble, type StoreUse, toldTo } from "../store-trouble.js";
import { withoutNul } from "../stored-texts.js";
import { SQLITE_DIALECT } from "./sqlite-dialect.js";

/** Seconds that a locked file is tried for, before what waits for it rejects. */
const TIMEOUT = 5;
/** Negative: KiB. Most of what a million tasks' indexes need, and within the console's budget of memory. */
const CACHE_SIZE = -64_000;

/**
 * The console's database in one SQLite file. Writes of one turn of the event loop share a commit. A file that another process has
 * locked is tried again by timers, never by waiting inside of SQLite, so nothing else is held up.
 */
export class SqliteConsoleDatabase implements Database {
  readonly dialect: Dialect = SQLITE_DIALECT;
  readonly #share: Share<SqliteDatabase>;
  readonly #database: SqliteDatabase;
  readonly #trouble: StoreTrouble;

  /** @param options.timeout seconds. Throws a `ConfigurationError` (`bad_url`) for a URL that names no file. */
  constructor(url: string, options: { readonly logger: Logger; readonly timeout?: number }) {
    const { logger, timeout = TIMEOUT } = options;
    this.#share = sqliteDatabase(withLazyCommits(url), new Connections(), { writeTimeout: timeout, logger });
    this.#database = this.#share.value;
    this.#trouble = new StoreTrouble(logger);
  }

  get url(): string {
    return `sqlite:${this.#database.path}`;
  }
  get trouble(): string | null {
    return this.#trouble.text;
  }

  async open(): Promise<void> {
    await this.#told("read", async () => {
      await this.#database.open();
      await this.#database.query((sql) => sql.exec(`PRAGMA cache_size = ${CACHE_SIZE}`));
    });
  }

  async close(): Promise<void> {
    this.#trouble.end();
    await this.#share.release();
  }

  async migrate(area: string, steps: readonly string[]): Promise<void> {
    await this.#told("write", () => this.#database.migrate(`console ${area}`, steps));
  }

  async all(statement: Statement): Promise<Row[]> {
    return await this.#told("read", () => this.#database.query((sql) => run(sql, statement)));
  }

  async get(statement: Statement): Promise<Row | undefined> {
    const [row] = await this.all(statement);
    return row;
  }

  async write(statements: readonly Statement[]): Promise<Row[][]> {
    return await this.#told("write", () =>
      this.#database.write((sql) => statements.map((statement) => runWritten(sql, statement))),
    );
  }

  /** With what its log holds at present. */
  async size(): Promise<number | null> {
    const sizes = ["", "-wal"].map((end) => stat(`${this.#database.path}${end}`).catch(() => undefined));
    const [file, log] = await Promise.all(sizes);
    return file ? file.size + (log?.size ?? 0) : null;
  }

  #told<T>(use: StoreUse, work: () => Promise<T>): Promise<T> {
    return toldTo(this.#trouble, use, isUnavailable, work);
  }
}

/** A killed process loses nothing that was committed; a power cut may take the last moments, which result backends still know. */
function withLazyCommits(url: string): string {
  if (/[?&]synchronous=/i.test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}synchronous=normal`;
}

/** Damaged files and missing rights do not pass by themselves, but are no fault of the statement. */
const UNUSABLE = /readonly database|malformed|unable to open|not a database|locking protocol/;

function isUnavailable(error: Error): boolean {
  if (error instanceof SqliteError) return error.passing || UNUSABLE.test(error.message);
  // Of the system: the folder is not there, or may not be written.
  return Reflect.has(error, "syscall");
}

/** Throws at once: what goes by it need not be tried. */
function runWritten(sql: Sql, statement: Statement): Row[] {
  const rows = run(sql, statement);
  if (statement.mustGive !== undefined && statement.mustGive !== rows.length) throw new UnmetError();
  return rows;
}

function run(sql: Sql, { sql: text, values = [] }: Statement): Row[] {
  return sql
    .prepare(text)
    .all(...values.map(withoutNul))
    .map(plainRow);
}

type SqliteRow = Readonly<Record<string, SqlValue | bigint>>;

function plainRow(row: SqliteRow): Row {
  if (isPlain(row)) return row;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}
function isPlain(row: SqliteRow): row is Row {
  for (const name in row) if (typeof row[name] === "bigint") return false;
  return true;
}
