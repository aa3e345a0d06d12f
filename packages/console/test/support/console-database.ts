import { silentLogger } from "lovage";
import { describe, onTestFinished } from "vitest";
import { postgresSchema } from "../../../lovage/test/support/postgres-schema.js";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import { sqliteFile } from "../../../lovage/test/support/sqlite-file.js";
import type { Database } from "../../src/server/store/database.js";
import { openDatabase } from "../../src/server/store/open-database.js";

/** A place for a database that nobody has made yet; gone after the test. */
export interface DatabasePlace {
  readonly url: string;
  /** Open; closed after the test. */
  open(): Promise<Database>;
}

/** Describes what holds of the console's database on SQLite and PostgreSQL. `place` makes a new one in each test. */
export function describeDatabases(name: string, body: (place: () => Promise<DatabasePlace>) => void): void {
  describe(`${name} on SQLite`, () => body(sqlitePlace));
  describeWithServer("postgres", `${name} on PostgreSQL`, (url) => body(() => postgresPlace(url)));
}

/** The URL of a file that nobody has made yet; gone after the test. */
export async function sqliteUrl(): Promise<string> {
  return (await sqlitePlace()).url;
}

export async function sqlitePlace(): Promise<DatabasePlace> {
  const file = await sqliteFile();
  onTestFinished(() => file.remove());
  return { url: file.url, open: () => openIn(file.url) };
}

export async function postgresPlace(serverUrl: string): Promise<DatabasePlace> {
  const schema = await postgresSchema(serverUrl);
  onTestFinished(() => schema.remove());
  return { url: schema.url, open: () => openIn(schema.url) };
}

async function openIn(url: string): Promise<Database> {
  const database = openDatabase(url, { logger: silentLogger });
  onTestFinished(() => database.close());
  await database.open();
  return database;
}
