import pg from "pg";
import { StorageError } from "../repository.js";

/** What can stand for a `$1`. */
export type SqlValue = string | number | Date | null;

/** Runs one statement, and gives its rows. */
export type Query = (sql: string, ...values: SqlValue[]) => Promise<unknown[]>;

/** Seconds to connect, and seconds for a statement. */
const CONNECT_DEADLINE = 10;
const STATEMENT_DEADLINE = 10;
const CONNECTIONS = 4;
/** Without `?schema=…` in the address. */
const DEFAULT_SCHEMA = "blog_scraper";
/** Any number will do that others do not use for theirs. */
const MIGRATION_LOCK = 7_301_946;

/** A schema in a PostgreSQL database, used by several processes. */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  #closed: Promise<void> | undefined;

  private constructor(pool: pg.Pool) {
    this.#pool = pool;
    // A connection that breaks while nobody uses it; the pool opens another.
    pool.on("error", () => {});
  }

  /** Opens the database at `address`, and brings its tables up to date by `schema`, one text per version. */
  static async open(address: string, schema: readonly string[]): Promise<PostgresDatabase> {
    const { connectionString, name } = parseAddress(address);
    const pool = new pg.Pool({
      connectionString,
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_DEADLINE * 1000,
      statement_timeout: STATEMENT_DEADLINE * 1000,
      // In case the server is not even there to end the statement.
      query_timeout: (STATEMENT_DEADLINE + 5) * 1000,
      options: `-c search_path=${name}`,
    });
    const database = new PostgresDatabase(pool);
    try {
      await database.transaction((query) => migrate(query, name, schema));
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  /** One statement, a transaction by itself. */
  async query(sql: string, ...values: SqlValue[]): Promise<unknown[]> {
    return await asOurErrors(async () => (await this.#pool.query(sql, values.map(withoutNul))).rows);
  }

  /** Runs `work` in a transaction; `mode` goes behind BEGIN. */
  async transaction<T>(work: (query: Query) => Promise<T>, mode = ""): Promise<T> {
    return await asOurErrors(async () => {
      const client = await this.#pool.connect();
      let broken: Error | undefined;
      try {
        await client.query(`BEGIN ${mode}`);
        const result = await work(async (sql, ...values) => (await client.query(sql, values.map(withoutNul))).rows);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch((cause: Error) => {
          broken = cause;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }
}

async function migrate(query: Query, name: string, schema: readonly string[]): Promise<void> {
  // One process at a time, until the end of the transaction.
  await query("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK);
  await query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
  await query("CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY)");
  const rows = await query("SELECT version FROM schema_versions");
  if (rows.length > schema.length) {
    throw new StorageError(
      `the database was made by a newer version of the example (schema ${rows.length}, expected ${schema.length})`,
    );
  }
  for (const [index, step] of schema.entries()) {
    if (index < rows.length) continue;
    await query(step);
    await query("INSERT INTO schema_versions VALUES ($1)", index + 1);
  }
}

/** `?schema=…` is ours; the rest of the address is the client's. */
function parseAddress(address: string): { readonly connectionString: string; readonly name: string } {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const name = url?.searchParams.get("schema") ?? DEFAULT_SCHEMA;
  if (url === undefined || !/^[a-z_][a-z0-9_]*$/.test(name)) {
    throw new Error("the address of the store must be postgres://<user>:<password>@<host>/<database>?schema=<name>");
  }
  url.searchParams.delete("schema");
  return { connectionString: url.href, name };
}

/** PostgreSQL refuses a text with a NUL, so that becomes the sign for a character that cannot be shown. */
function withoutNul(value: SqlValue): SqlValue {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}

/** What the client and the server reject with, in our words. */
async function asOurErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const message = error instanceof Error ? error.message || error.name : String(error);
    throw new StorageError(`the database cannot be used: ${message}`, { cause: error });
  }
}
