import { ConfigurationError, type Logger } from "lovage";
import { maskUrls } from "lovage/internal";
import type { Database } from "./database.js";
import { PostgresConsoleDatabase } from "./postgres/postgres-database.js";
import { SqliteConsoleDatabase } from "./sqlite/sqlite-database.js";

export interface OpenDatabaseOptions {
  readonly logger: Logger;
  /** Seconds within which a read or a write is answered or rejects. @default 5 for SQLite, 10 for PostgreSQL */
  readonly timeout?: number;
}

/**
 * The database behind `sqlite:FILE` or `postgres://…` (schema `lovage_console`, or `?schema=`). Nothing is opened yet: `open()` does.
 * Throws a `ConfigurationError` (`bad_url`) for any other URL.
 */
export function openDatabase(url: string, options: OpenDatabaseOptions): Database {
  if (/^sqlite:/i.test(url)) return new SqliteConsoleDatabase(url, options);
  if (/^postgres(?:ql)?:/i.test(url)) return new PostgresConsoleDatabase(url, options);
  throw new ConfigurationError(
    `the console keeps its data in sqlite:FILE or postgres://user@host/database, not in ${maskUrls(url) || "an empty URL"}`,
    { code: "bad_url" },
  );
}
