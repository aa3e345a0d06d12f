import { BROKER_TABLES } from "./0001-broker.js";
import { RESULT_TABLES } from "./0002-results.js";
import { OUTBOX_TABLES } from "./0003-outbox.js";

/**
 * One step from one version of the schema to the next: SQL without schema names, run with the schema as the search path, in the
 * transaction that also notes its number.
 */
export interface PostgresMigration {
  readonly name: string;
  readonly sql: string;
}

/**
 * All steps, oldest first: the version of a schema is how many have been run. A step that was released is never changed; a new one goes
 * to the end. Several versions of Lovage run on one schema during a deployment, so a step leaves what the version before it needs.
 */
export const POSTGRES_MIGRATIONS: readonly PostgresMigration[] = [
  { name: "broker", sql: BROKER_TABLES },
  { name: "results", sql: RESULT_TABLES },
  { name: "outbox", sql: OUTBOX_TABLES },
];
