import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { BackendOptions } from "../../src/backends/backend.js";
import { SqliteBackend } from "../../src/backends/sqlite/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { sqliteDatabase } from "../../src/connections/sqlite.js";
import { BackendConnectionError, BackendError, ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";
import { IdleProcess } from "../support/idle-process.js";
import { type SqliteFile, sqliteFile } from "../support/sqlite-file.js";
import { passing, success } from "../support/task-metas.js";

const NEVER = new AbortController().signal;

describeBackend("SQLite", {
  capabilities: { durable: true, shared: true, readers: "all", fencing: true, groups: true, expiry: "removed" },
  fixture: async () => {
    const { url, remove } = await sqliteFile();
    return {
      url,
      // Each with a connection of its own, as in processes of their own.
      connection: (options) =>
        new SqliteBackend({ ...options, url, connections: new Connections(), logger: silentLogger }),
      remove,
    };
  },
});

describeBackend("SQLite (on one shared connection)", {
  capabilities: { durable: true, shared: true, readers: "all", fencing: true, groups: true, expiry: "removed" },
  fixture: async () => {
    const { url, remove } = await sqliteFile();
    const connections = new Connections();
    return {
      url,
      connection: (options) => new SqliteBackend({ ...options, url, connections, logger: silentLogger }),
      remove,
    };
  },
});

describe("the SQLite result backend on its file", () => {
  async function givenFile(): Promise<SqliteFile> {
    const file = await sqliteFile();
    onTestFinished(file.remove);
    return file;
  }

  function unopened(url: string, more: Partial<BackendOptions> = {}): SqliteBackend {
    const backend = new SqliteBackend({
      url,
      resultExpires: null,
      connections: new Connections(),
      logger: silentLogger,
      ...more,
    });
    onTestFinished(() => backend.close());
    return backend;
  }

  test("rejects, with a typed error, a file that is no database", async () => {
    const file = await givenFile();
    await writeFile(file.path, "this is not a database, whatever its name says".repeat(100));
    await expect(unopened(file.url).connect()).rejects.toBeInstanceOf(BackendError);
  });

  test("can be connected after a first try that failed", async () => {
    const file = await givenFile();
    const url = `sqlite://${file.path}.folder/results.db`;
    const backend = unopened(url);
    await expect(backend.connect()).rejects.toBeInstanceOf(BackendError);
    await mkdir(`${file.path}.folder`);
    await backend.connect();
    expect(await backend.store(success("a"))).toBe(true);
  });

  test("rejects a URL that names no file when it is made", () => {
    expect(() => unopened("sqlite:")).toThrow(ConfigurationError);
  });

  test("rejects what is used before it is connected as a lost connection", async () => {
    const file = await givenFile();
    const backend = unopened(file.url);
    await expect(backend.store(success("a"))).rejects.toBeInstanceOf(BackendConnectionError);
    await expect(backend.get("a")).rejects.toBeInstanceOf(BackendConnectionError);
    await expect(backend.wait("a", NEVER)).rejects.toBeInstanceOf(BackendConnectionError);
  });

  test("lets a process that waits for a result live until it has it, and no longer", async () => {
    // Given a process that does nothing but wait
    const file = await givenFile();
    const backend = unopened(file.url);
    await backend.connect();
    const idle = await IdleProcess.start("wait", file.url);
    // When it has waited a while; one that nothing holds ends at once
    await new Promise((later) => setTimeout(later, 300));
    expect(idle.isAlive).toBe(true);
    await backend.store(success("t", "for the one who waited"));
    // Then it gets the result, and ends by itself
    expect(await idle.end()).toBe(0);
    expect(idle.lines).toEqual(["idle", "for the one who waited"]);
  }, 15_000);

  test("wakes waits on a connection shared under two spellings of the file's name", async () => {
    const file = await givenFile();
    const connections = new Connections();
    const one = unopened(file.url, { connections });
    const other = unopened(`sqlite:${file.path.replace("/test.db", "/./test.db")}?synchronous=normal`, { connections });
    await one.connect();
    await other.connect();
    const waiting = one.wait("a", NEVER);
    await other.store(success("a", 1));
    expect(await waiting).toEqual(success("a", 1));
  });

  test("says which result cannot be read when somebody else wrote there, to readers and to those who wait", async () => {
    // Given a row that is no meta
    const file = await givenFile();
    const connections = new Connections();
    const backend = unopened(file.url, { connections });
    await backend.connect();
    await backend.store(passing("a", "STARTED"));
    await backend.store(passing("b", "STARTED"));
    const waits = ["a", "b"].map((id) => backend.wait(id, NEVER).catch((error: unknown) => error));
    const other = sqliteDatabase(file.url, new Connections(), { writeTimeout: 1, logger: silentLogger });
    await other.value.open();
    await other.value.write((sql) =>
      sql.exec("UPDATE result_tasks SET status = 'SUCCESS', meta = '{\"status\":' WHERE id = 'a'"),
    );
    await other.release();
    // Then whoever reads it is told, and nobody else is bothered
    const expected = { name: "BackendError", message: expect.stringContaining("the result of task a cannot be read") };
    expect(await waits[0]).toMatchObject(expected);
    await expect(backend.get("a")).rejects.toMatchObject(expected);
    await backend.store(success("b", 2));
    expect(await waits[1]).toEqual(success("b", 2));
  });

  test("ends waits with a typed error when the file's tables are gone", async () => {
    const file = await givenFile();
    const backend = unopened(file.url);
    await backend.connect();
    const waiting = backend.wait("a", NEVER).catch((error: unknown) => error);
    const other = sqliteDatabase(file.url, new Connections(), { writeTimeout: 1, logger: silentLogger });
    await other.value.open();
    await other.value.write((sql) => sql.exec("DROP TABLE result_tasks"));
    await other.release();
    expect(await waiting).toBeInstanceOf(BackendError);
  });
});
