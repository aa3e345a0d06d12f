import { createHash } from "node:crypto";
import { ConfigurationError } from "../errors.js";
import { PostgresError } from "./postgres-error.js";
import { POSTGRES_MIGRATIONS, type PostgresMigration } from "./postgres-migrations/index.js";
import type { PostgresSession } from "./postgres-session.js";

/** Seconds: a step may have to rewrite a large table, and others wait for their turn meanwhile. */
const MIGRATION_SECONDS = 600;

/**
 * Brings a schema up to date, making it when it is not there. Safe from any number of processes at once: one of them does the work.
 * Throws a `ConfigurationError` when the schema was made by a newer version (`newer_database`), or when this user may not change it
 * (`migration_denied`), saying what to run.
 */
export async function migrateSchema(
  session: PostgresSession,
  schema: string,
  steps: readonly PostgresMigration[] = POSTGRES_MIGRATIONS,
): Promise<void> {
  const deadline = setTimeout(() => session.destroy("the migration took too long"), MIGRATION_SECONDS * 1000);
  try {
    await migrate(session, schema, steps);
  } finally {
    clearTimeout(deadline);
  }
}

async function migrate(session: PostgresSession, schema: string, steps: readonly PostgresMigration[]): Promise<void> {
  const found = await versionOf(session, schema);
  refuseNewer(found, steps.length, schema, session.where);
  if (found === steps.length) return;
  await session.query({ text: `BEGIN; SET LOCAL statement_timeout = ${MIGRATION_SECONDS * 1000}` });
  try {
    // Ends with the transaction, whatever becomes of this process.
    await session.query({ text: "SELECT pg_advisory_xact_lock($1)", values: [lockKey(schema)] });
    await runSteps(session, schema, steps);
    await session.query({ text: "COMMIT" });
  } catch (error) {
    await session.query({ text: "ROLLBACK" }).catch(() => undefined);
    if (error instanceof PostgresError && error.sqlState === INSUFFICIENT_PRIVILEGE)
      throw denied(error, schema, session.where);
    throw error;
  }
}

const INSUFFICIENT_PRIVILEGE = "42501";

/** With the lock, so that nobody else does it. Others that waited for it find it done. */
async function runSteps(session: PostgresSession, schema: string, steps: readonly PostgresMigration[]): Promise<void> {
  const done = await versionOf(session, schema);
  refuseNewer(done, steps.length, schema, session.where);
  if (done === steps.length) return;
  // CREATE SCHEMA IF NOT EXISTS asks for the right to create even when there is nothing to do.
  const { rows } = await session.query({
    text: "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1) AS known",
    values: [schema],
  });
  if (rows[0]?.known !== true) await session.query({ text: `CREATE SCHEMA "${schema}"` });
  await session.query({ text: `SET LOCAL search_path TO "${schema}"` });
  await session.query({
    text: "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now())",
  });
  for (const [index, { name, sql }] of steps.entries()) {
    if (index < done) continue;
    await session.query({ text: sql });
    await session.query({
      text: "INSERT INTO migrations (version, name) VALUES ($1, $2)",
      values: [index + 1, name],
    });
  }
}

/** How many steps have been run on a schema; 0 for one that does not exist. */
async function versionOf(session: PostgresSession, schema: string): Promise<number> {
  // Not to_regclass: what it remembers is as old as the transaction, and another may have made the table since.
  const table = await session.query({
    text: `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'migrations') AS known`,
    values: [schema],
  });
  if (table.rows[0]?.known !== true) return 0;
  const { rows } = await session.query({
    text: `SELECT coalesce(max(version), 0) AS version FROM "${schema}".migrations`,
  });
  return Number(rows[0]?.version);
}

function refuseNewer(found: number, known: number, schema: string, where: string): void {
  if (found <= known) return;
  throw new ConfigurationError(
    `schema ${schema} of PostgreSQL ${where} was made by a newer Lovage (version ${found}, this one knows ${known})`,
    { code: "newer_database" },
  );
}

function denied(error: PostgresError, schema: string, where: string): ConfigurationError {
  return new ConfigurationError(
    `schema ${schema} of PostgreSQL ${where} is not up to date, and this user may not change it (${error.message}): run \`lovage migrate\` with the URL of a user who may, and grant this one USAGE on the schema and all rights on its tables and sequences`,
    { code: "migration_denied", cause: error },
  );
}

/** Advisory locks are named by 64-bit numbers. */
function lockKey(schema: string): string {
  return createHash("sha256").update(`lovage migrations ${schema}`).digest().readBigInt64BE().toString();
}
