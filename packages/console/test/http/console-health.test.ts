import { fileURLToPath } from "node:url";
import { Lovage, silentLogger } from "lovage";
import { describe, expect, onTestFinished, test } from "vitest";
import { openSqliteFile } from "../../../lovage/src/connections/sqlite-driver.js";
import { ConsoleHealth } from "../../src/server/http/console-health.js";
import type { Database } from "../../src/server/store/database.js";
import { openDatabase } from "../../src/server/store/open-database.js";
import { sqlitePlace } from "../support/console-database.js";

/** A store whose writes give up soon, and somebody else who can lock its file. */
async function lockableStore(): Promise<{ readonly database: Database; lock(): void; unlock(): void }> {
  const { url } = await sqlitePlace();
  const database = openDatabase(url, { logger: silentLogger, timeout: 0.2 });
  onTestFinished(() => database.close());
  await database.open();
  await database.migrate("things", ["CREATE TABLE things (id text)"]);
  const other = await openSqliteFile(
    fileURLToPath(url.replace(/^sqlite:/, "file:").replace(/\?.*$/, "")),
    silentLogger,
  );
  onTestFinished(() => other.close());
  return { database, lock: () => other.exec("BEGIN IMMEDIATE"), unlock: () => other.exec("COMMIT") };
}

function healthOf(database: Database, { ingests = false } = {}): ConsoleHealth {
  const app = new Lovage("watched", { brokerUrl: "memory://" });
  onTestFinished(() => app.close());
  const queues = { state: { reachable: true, error: null, since: new Date() }, capabilities: undefined };
  const health = new ConsoleHealth({ app, queues, database, logger: silentLogger, ingests: () => ingests });
  onTestFinished(() => health.stop());
  return health;
}

const WELL = { store: null, broker: null };

describe("the console's health", () => {
  test("is bad while the store cannot be written, and good again once it can, though nobody else writes", async () => {
    const { database, lock, unlock } = await lockableStore();
    const health = healthOf(database);
    expect(await health.check()).toEqual(WELL);

    lock();
    await expect(database.write([{ sql: "INSERT INTO things VALUES ('a')" }])).rejects.toThrow("locked");
    expect(await health.check()).toEqual({ store: expect.stringContaining("locked"), broker: null });
    expect(await health.check()).toEqual({ store: expect.stringContaining("locked"), broker: null });

    unlock();
    expect(await health.check()).toEqual(WELL);
    expect(database.trouble).toBeNull();
  });

  test("goes by the console's own writes while it ingests: a row may fit where what it has to write does not", async () => {
    const { database, lock, unlock } = await lockableStore();
    const health = healthOf(database, { ingests: true });
    lock();
    await expect(database.write([{ sql: "INSERT INTO things VALUES ('a')" }])).rejects.toThrow("locked");
    unlock();
    expect(await health.check()).toEqual({ store: expect.stringContaining("locked"), broker: null });
    await database.write([{ sql: "INSERT INTO things VALUES ('a')" }]);
    expect(await health.check()).toEqual(WELL);
  });

  test("is found out by one write for all who ask at once", async () => {
    const { database, lock, unlock } = await lockableStore();
    const health = healthOf(database);
    lock();
    await expect(database.write([{ sql: "INSERT INTO things VALUES ('a')" }])).rejects.toThrow("locked");
    unlock();
    expect(await Promise.all(Array.from({ length: 20 }, () => health.check()))).toEqual(
      Array.from({ length: 20 }, () => WELL),
    );
    expect(await database.all({ sql: "SELECT name FROM store_probe" })).toEqual([{ name: "health" }]);
  });
});
