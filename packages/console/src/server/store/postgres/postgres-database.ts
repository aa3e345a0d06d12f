import { ConfigurationError, type Logger } from "lovage";
import { Connections, type PostgresDatabase, PostgresError, postgresDatabase, type Share } from "lovage/internal";
import type { Database, Dialect, Row, SqlValue, Statement } from "../database.js";
import { UnmetError } from "../store-error.js";
import { StoreTrouble, type StoreUse, toldTo } from "../store-trouble.js";
import { withoutNul } from "../stored-texts.js";
import { numberedParameters } from "./numbered-parameters.js";
import { POSTGRES_DIALECT } from "./postgres-dialect.js";

/** Seconds within which a statement or a transaction is answered or rejects. */
const TIMEOUT = 10;
/** Seconds: a step may have to rewrite a large table. */
const MIGRATION_TIMEOUT = 600;
const DEFAULT_SCHEMA = "lovage_console";

type Query = (text: string, values?: readonly unknown[]) => ReturnType<PostgresDatabase["query"]>;

/** The console's database in a schema of its own of a PostgreSQL database. */
export class PostgresConsoleDatabase implements Database {
  readonly dialect: Dialect = POSTGRES_DIALECT;
  readonly #share: Share<PostgresDatabase>;
  readonly #database: PostgresDatabase;
  readonly #trouble: StoreTrouble;
  readonly #texts = new Map<string, string>();

  /** @param options.timeout seconds. Throws a `ConfigurationError` (`bad_url`) for a URL or options that are wrong. */
  constructor(url: string, options: { readonly logger: Logger; readonly timeout?: number }) {
    const { logger, timeout = TIMEOUT } = options;
    const { share } = postgresDatabase({
      url: withSearchPath(url),
      // What the URL says goes over it.
      transport: { schema: DEFAULT_SCHEMA },
      connections: new Connections(),
      writeTimeout: timeout,
      logger,
    });
    this.#share = share;
    this.#database = share.value;
    this.#trouble = new StoreTrouble(logger);
  }

  get url(): string {
    return `postgres://${this.#database.where}?schema=${this.#database.schema}`;
  }
  get trouble(): string | null {
    return this.#trouble.text;
  }

  async open(): Promise<void> {
    await this.#told("read", async () => {
      await this.#database.open();
      const { rows } = await this.#database.query("SELECT current_schema() AS schema");
      if (rows[0]?.schema !== this.#database.schema) throw withoutSearchPath(this.url);
    });
  }

  async close(): Promise<void> {
    this.#trouble.end();
    await this.#share.release();
  }

  async migrate(area: string, steps: readonly string[]): Promise<void> {
    const options = { timeout: MIGRATION_TIMEOUT };
    await this.#told("write", () =>
      this.#database.transaction(({ query }) => migrateArea(query, this.#database.schema, area, steps), options),
    );
  }

  async all({ sql, values = [] }: Statement): Promise<Row[]> {
    return await this.#told("read", async () =>
      rowsOf(await this.#database.query(this.#textOf(sql), values.map(withoutNul))),
    );
  }

  async get(statement: Statement): Promise<Row | undefined> {
    const [row] = await this.all(statement);
    return row;
  }

  async write(statements: readonly Statement[]): Promise<Row[][]> {
    const prepared = statements.map(({ sql, values = [] }) => ({
      text: this.#textOf(sql),
      values: values.map(withoutNul),
    }));
    return await this.#told("write", () =>
      this.#database.transaction(async ({ query }) => {
        // All are on their way before the first is answered: one round trip.
        const answers = prepared.map(({ text, values }) => query(text, values));
        const settled = await Promise.allSettled(answers);
        for (const each of settled) if (each.status === "rejected") throw each.reason;
        const results = (await Promise.all(answers)).map(rowsOf);
        if (statements.some(({ mustGive }, at) => mustGive !== undefined && mustGive !== results[at]?.length))
          throw new UnmetError();
        return results;
      }),
    );
  }

  async size(): Promise<number | null> {
    const row = await this.get({
      sql: `SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ? AND c.relkind IN ('r', 'm')`,
      values: [this.#database.schema],
    });
    return typeof row?.bytes === "number" ? row.bytes : null;
  }

  #told<T>(use: StoreUse, work: () => Promise<T>): Promise<T> {
    return toldTo(this.#trouble, use, isUnavailable, work);
  }

  #textOf(sql: string): string {
    let text = this.#texts.get(sql);
    if (text === undefined) {
      text = numberedParameters(sql);
      // Texts made of what people search for have no end.
      if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
      this.#texts.set(sql, text);
    }
    return text;
  }
}

const MAX_TEXTS = 500;

function isUnavailable(error: Error): boolean {
  return error instanceof PostgresError && (error.passing || error.lost);
}

/** The schema is found by each connection's search path, which the server is told at the handshake. */
function withSearchPath(url: string): string {
  const [, schema = DEFAULT_SCHEMA] = /[?&]schema=([^&;#]*)/.exec(url) ?? [];
  return url
    .split(";")
    .map((part) => {
      const [place = "", query = ""] = part.split("?", 2);
      const parameters = new URLSearchParams(query);
      // `public` has what extensions brought.
      const own = `-c search_path=${decodeURIComponent(schema)},public`;
      parameters.set("options", [parameters.get("options"), own].filter(Boolean).join(" "));
      return part.trim() === "" ? part : `${place}?${parameters}`;
    })
    .join(";");
}

function withoutSearchPath(url: string): ConfigurationError {
  return new ConfigurationError(
    `${url} does not take the connection option search_path, as poolers in transaction mode do not: give the console the server's own address`,
    { code: "bad_url" },
  );
}

async function migrateArea(query: Query, schema: string, area: string, steps: readonly string[]): Promise<void> {
  // Consoles that start together take turns. Ends with the transaction.
  await query("SELECT pg_advisory_xact_lock(hashtext($1))", [`lovage console ${schema}`]);
  await query("CREATE TABLE IF NOT EXISTS console_migrations (area text PRIMARY KEY, version integer NOT NULL)");
  const { rows } = await query("SELECT version FROM console_migrations WHERE area = $1", [area]);
  const done = Number(rows[0]?.version ?? 0);
  if (done > steps.length)
    throw new ConfigurationError(
      `schema ${schema} was made by a newer console (${area} tables version ${done}, this one knows ${steps.length})`,
      { code: "newer_database" },
    );
  for (const step of steps.slice(done)) await query(step);
  await query(
    "INSERT INTO console_migrations VALUES ($1, $2) ON CONFLICT (area) DO UPDATE SET version = excluded.version",
    [area, steps.length],
  );
}

/** int8 and numeric, which `pg` gives as texts. Source: pg_type.dat. */
const NUMBER_TYPES: ReadonlySet<number> = new Set([20, 1700]);

function rowsOf({ rows, fields = [] }: Awaited<ReturnType<PostgresDatabase["query"]>>): Row[] {
  const numbers = new Set(fields.filter(({ dataTypeID }) => NUMBER_TYPES.has(dataTypeID)).map(({ name }) => name));
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, sqlValue(value, numbers.has(name))])),
  );
}

function sqlValue(value: unknown, isNumber: boolean): SqlValue {
  if (value === null || value === undefined) return null;
  if (isNumber) return Number(value);
  if (typeof value === "string" || typeof value === "number" || value instanceof Uint8Array) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  throw new TypeError(`a column of a type the console does not use: ${typeof value}`);
}
