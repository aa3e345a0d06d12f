import { ConfigurationError } from "../errors.js";
import type { Logger } from "../util/logger.js";

/** What SQLite takes and gives. */
export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** The few members we use of a statement, the same in node:sqlite and in @photostructure/sqlite. */
export interface SqlStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
}
export interface SqlHandle {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}
/** SQLite's primary result codes that we tell apart. Source: sqlite.org/rescode.html. */
export const RESULT_CODES = { ERROR: 1, BUSY: 5, LOCKED: 6, READONLY: 8, IOERR: 10, FULL: 13 } as const;

/** SQLite's words for them. Source: sqlite3_errstr(). */
const CODES_BY_MESSAGE: ReadonlyMap<string, number> = new Map([
  ["database is locked", RESULT_CODES.BUSY],
  ["database table is locked", RESULT_CODES.LOCKED],
  ["attempt to write a readonly database", RESULT_CODES.READONLY],
  ["disk I/O error", RESULT_CODES.IOERR],
  ["database or disk is full", RESULT_CODES.FULL],
]);

/** The primary result code of an error that SQLite threw; undefined for any other. */
export function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = Reflect.get(error, "errcode");
  if (typeof code === "number") return code & 0xff;
  // Errors of `all` in @photostructure/sqlite 1.2 lack the number.
  if (Reflect.get(error, "code") !== "ERR_SQLITE_ERROR") return undefined;
  return CODES_BY_MESSAGE.get(error.message) ?? RESULT_CODES.ERROR;
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqlHandle;
}

/** In order of preference. Both carry their SQLite with them; neither needs a compiler. */
const MODULES = ["node:sqlite", "@photostructure/sqlite"] as const;

/**
 * Opens the file with the first SQLite that is sound. Versions before 3.51.3 can lose committed transactions when one process
 * writes while another checkpoints (the WAL-reset bug, repaired also in 3.50.7 and 3.44.6). Throws a `ConfigurationError` when there is none.
 */
export async function openSqliteFile(path: string, logger: Logger): Promise<SqlHandle> {
  const refused: string[] = [];
  for (const name of MODULES) {
    const sqlite = await importSqlite(name);
    if (!sqlite) {
      refused.push(`${name} is not there`);
      continue;
    }
    const version = versionOf(sqlite);
    if (isSound(version)) {
      logger.debug("opening SQLite", { driver: name, version, path });
      return new sqlite.DatabaseSync(path);
    }
    refused.push(`${name} carries SQLite ${version}, which can lose committed transactions`);
  }
  throw new ConfigurationError(
    `no sound SQLite is installed (${refused.join("; ")}): npm install @photostructure/sqlite`,
    { code: "no_sqlite" },
  );
}

async function importSqlite(name: string): Promise<SqliteModule | undefined> {
  let loaded: unknown;
  try {
    loaded = await import(name);
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code === "ERR_UNKNOWN_BUILTIN_MODULE" || code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
  return isSqliteModule(loaded) ? loaded : undefined;
}
function isSqliteModule(value: unknown): value is SqliteModule {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "DatabaseSync") === "function";
}

/** Asked of a database of its own: a file that somebody is just making is busy, and answers nothing. */
function versionOf({ DatabaseSync }: SqliteModule): string {
  const handle = new DatabaseSync(":memory:");
  try {
    return String(handle.prepare("SELECT sqlite_version() AS version").get()?.version);
  } finally {
    handle.close();
  }
}

/** Exported for its test. */
export function isSound(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major !== 3) return major > 3;
  if (minor === 44) return patch >= 6;
  if (minor === 50) return patch >= 7;
  return minor > 51 || (minor === 51 && patch >= 3);
}
