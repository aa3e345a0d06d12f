import type { TransactionQuery } from "../brokers/broker.js";
import { ConfigurationError } from "../errors.js";

/**
 * A program's own client of PostgreSQL, with a transaction open on it: a `Client` or `PoolClient` of `pg`, or, for other libraries, a
 * function that runs a statement (`$1`, `$2`, … stand for the values) and resolves with its rows, or with an object that has them as
 * `rows`:
 *
 * - postgres.js: `(text, values) => sql.unsafe(text, values)` with the `sql` of `begin`
 * - Kysely: `(text, values) => trx.executeQuery(CompiledQuery.raw(text, values))`
 * - Drizzle on pg: the client that the transaction runs on
 */
export type TransactionClient = TransactionConnection | TransactionFunction;

export interface TransactionConnection {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}
export type TransactionFunction = (text: string, values: unknown[]) => Promise<unknown>;

/** One form for all clients. Their own errors pass as they are. */
export function transactionQuery(client: TransactionClient): TransactionQuery {
  return async (text, values) => {
    const answer =
      typeof client === "function" ? await client(text, [...values]) : await client.query(text, [...values]);
    const rows: unknown = Array.isArray(answer) ? answer : rowsOf(answer);
    if (!Array.isArray(rows) || !rows.every(isRow))
      throw new ConfigurationError(
        "what was given to app.in() answered a statement with no rows: it must be a client of pg, or a function that resolves with rows",
        { code: "no_transaction_client" },
      );
    return rows;
  };
}

function rowsOf(answer: unknown): unknown {
  return typeof answer === "object" && answer !== null ? Reflect.get(answer, "rows") : undefined;
}
function isRow(row: unknown): row is Readonly<Record<string, unknown>> {
  return typeof row === "object" && row !== null;
}
