import type { TransactionQuery } from "../brokers/broker.js";
import type { Connections } from "../connections/connections.js";
import { PostgresError, postgresDatabase } from "../connections/postgres.js";
import { parsePostgresUrl } from "../connections/postgres-url.js";
import { BrokerConnectionError, BrokerError, ConfigurationError } from "../errors.js";
import type { Logger } from "../util/logger.js";

/** Seconds. */
const TIMEOUT = 10;

export interface DatabaseOptions {
  readonly url: string;
  readonly transport: Readonly<Record<string, unknown>>;
  readonly connections: Connections;
  readonly logger: Logger;
}

/**
 * What tells the schema behind a URL from all others: a number drawn when its tables were made. Makes the tables when they are not there.
 * Rejects with a `BrokerConnectionError` when the database cannot be reached.
 */
export async function readDatabaseId(options: DatabaseOptions): Promise<string> {
  const { share } = postgresDatabase({ ...options, writeTimeout: TIMEOUT });
  try {
    await share.value.open();
    const { rows } = await share.value.query(`SELECT ${share.value.schema}.database_id() AS id`);
    return String(rows[0]?.id);
  } catch (error) {
    throw brokerError(error);
  } finally {
    await share.release();
  }
}

/** The same through a program's own client. Rejects with a `ConfigurationError` when its database has no such tables. */
export async function readIdThrough(
  query: TransactionQuery,
  { url, transport }: Pick<DatabaseOptions, "url" | "transport">,
): Promise<string> {
  const { schema } = parsePostgresUrl(url, transport).target;
  try {
    const [row] = await query(`SELECT ${schema}.database_id() AS id`, []);
    return String(row?.id);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ConfigurationError(
      `the client that was given to app.in() is connected to a database that has no schema ${schema} with Lovage's tables: it must be the broker's, or outboxUrl must name it (a worker makes the tables when it starts)`,
      { code: "other_database", cause: error },
    );
  }
}

/** Undefined function, invalid schema name. */
const MISSING: ReadonlySet<unknown> = new Set(["42883", "3F000"]);

/** Whatever the client's library: most put SQLSTATE into `code`, some one error further in. */
function isMissing(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  return MISSING.has(Reflect.get(error, "code")) || isMissing(Reflect.get(error, "cause"));
}

export function brokerError(error: unknown): unknown {
  if (!(error instanceof PostgresError)) return error;
  const { message } = error;
  return error.passing
    ? new BrokerConnectionError(message, { cause: error })
    : new BrokerError(message, { cause: error });
}
