import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { parseSqliteUrl, SqliteDatabase, SqliteError, type SqliteOptions } from "../../src/connections/sqlite.js";
import {
  isSound,
  openSqliteFile,
  RESULT_CODES,
  resultCode,
  type SqlHandle,
} from "../../src/connections/sqlite-driver.js";
import { ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { PeerProcess } from "../support/peer-process.js";
import { RecordingLogger } from "../support/recording-logger.js";
import { type SqliteFile, sqliteFile } from "../support/sqlite-file.js";

describe("a SQLite URL", () => {
  test.for([
    { url: "sqlite:shop.db", path: resolve("shop.db"), synchronous: "FULL" },
    { url: "sqlite:./data/shop.db", path: resolve("data/shop.db"), synchronous: "FULL" },
    { url: "sqlite:///var/lib/shop.db", path: "/var/lib/shop.db", synchronous: "FULL" },
    { url: "sqlite:/var/lib/shop.db", path: "/var/lib/shop.db", synchronous: "FULL" },
    { url: "SQLite:/var/lib/shop.db", path: "/var/lib/shop.db", synchronous: "FULL" },
    { url: "sqlite:///my%20shop.db", path: "/my shop.db", synchronous: "FULL" },
    { url: "sqlite:/a.db?synchronous=normal", path: "/a.db", synchronous: "NORMAL" },
    { url: "sqlite:/a.db?synchronous=FULL", path: "/a.db", synchronous: "FULL" },
  ])("$url is the file $path, synchronous $synchronous", ({ url, path, synchronous }) => {
    expect(parseSqliteUrl(url)).toEqual({ path, synchronous });
  });

  test.for([
    { url: "", says: /names no file/ },
    { url: "sqlite:", says: /names no file/ },
    { url: "sqlite://", says: /names no file/ },
    { url: "sqlite::memory:", says: /memory:\/\// },
    { url: "sqlite:/a.db?sync=full", says: /not sync$/ },
    { url: "sqlite:/a.db?synchronous=off", says: /full or normal, not off/ },
  ])("$url is refused with the reason", ({ url, says }) => {
    expect(() => parseSqliteUrl(url)).toThrow(ConfigurationError);
    expect(() => parseSqliteUrl(url)).toThrow(says);
  });
});

test.for([
  { version: "3.44.5", sound: false },
  { version: "3.44.6", sound: true },
  { version: "3.45.0", sound: false },
  { version: "3.49.2", sound: false },
  { version: "3.50.6", sound: false },
  { version: "3.50.7", sound: true },
  { version: "3.51.2", sound: false },
  { version: "3.51.3", sound: true },
  { version: "3.52.0", sound: true },
  { version: "4.0.0", sound: true },
  { version: "undefined", sound: false },
])("SQLite $version is sound: $sound", ({ version, sound }) => {
  expect(isSound(version)).toBe(sound);
});

describe("an error of SQLite", () => {
  test.for(["all", "get", "run"] as const)("thrown by %s tells its code", async (member) => {
    const file = await givenFile();
    const holder = await givenRival(file);
    holder.exec("CREATE TABLE t (id INTEGER)");
    const rival = await givenRival(file);
    const statement = rival.prepare("SELECT id FROM t");
    holder.exec("BEGIN EXCLUSIVE");
    expect(resultCode(thrownBy(() => statement[member]()))).toBe(RESULT_CODES.BUSY);
    holder.exec("COMMIT; DROP TABLE t");
    expect(resultCode(thrownBy(() => statement[member]()))).toBe(RESULT_CODES.ERROR);
  });

  test("is no other error", () => {
    expect(resultCode(new Error("database is locked"))).toBeUndefined();
    expect(resultCode("database is locked")).toBeUndefined();
  });

  test("becomes one of ours in a read, with the reason", async () => {
    const database = await givenDatabase(await givenFile());
    const read = (): unknown => database.read((sql) => sql.prepare("SELECT id FROM nowhere").all());
    expect(read).toThrow(SqliteError);
    expect(read).toThrow(/no such table: nowhere/);
  });
});

describe("writes", () => {
  test("happen in the order of the calls and settle with what they return", async () => {
    const database = await givenTable();
    const ids = await Promise.all(Array.from({ length: 500 }, (_, id) => insert(database, id)));
    expect(ids).toEqual(Array.from({ length: 500 }, (_, id) => id));
    expect(rows(database)).toEqual(ids);
  });

  test("of one turn of the event loop share a commit", async () => {
    const database = await givenTable();
    const commits = vi.fn();
    database.onChange(commits);
    await Promise.all(Array.from({ length: 100 }, (_, id) => insert(database, id)));
    // One; and one more for each time that the machine stalled for longer than a transaction may take.
    expect(commits.mock.calls.length).toBeLessThan(5);
  });

  test("are seen by reads once they have settled, and not before", async () => {
    const database = await givenTable();
    const written = insert(database, 1);
    expect(rows(database)).toEqual([]);
    await written;
    expect(rows(database)).toEqual([1]);
  });

  test("that throw reject alone, and leave nothing behind", async () => {
    const database = await givenTable();
    const outcomes = await Promise.allSettled([
      insert(database, 1),
      database.write((sql) => {
        sql.prepare("INSERT INTO t VALUES (2)").run();
        throw new RangeError("of its own");
      }),
      insert(database, 3),
      insert(database, 1),
      insert(database, 4),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(outcomes[1]).toMatchObject({ reason: new RangeError("of its own") });
    expect(outcomes[3]).toMatchObject({ reason: expect.any(SqliteError) });
    expect(outcomes[3]).toMatchObject({ reason: { passing: false } });
    expect(rows(database)).toEqual([1, 3, 4]);
  });

  test("that take long leave the event loop free in between", async () => {
    const database = await givenTable();
    let settled = 0;
    const turns = vi.fn();
    const work = Array.from({ length: 40 }, async (_, id) => {
      await database.write((sql) => {
        const untilMs = performance.now() + 2;
        while (performance.now() < untilMs);
        sql.prepare("INSERT INTO t VALUES (?)").run(id);
      });
      settled++;
    });
    while (settled < work.length) {
      await new Promise((next) => setImmediate(next));
      turns();
    }
    await Promise.all(work);
    // 80 ms of work in transactions of about 10.
    expect(turns.mock.calls.length).toBeGreaterThanOrEqual(4);
    expect(rows(database)).toHaveLength(40);
  });

  test("that find the disk full reject and can be tried again", async () => {
    const database = await givenTable();
    const pages = Number(database.read((sql) => sql.prepare("PRAGMA page_count").get())?.page_count);
    await limitPages(database, pages + 2);
    const big = (id: number): Promise<unknown> =>
      database.write((sql) => sql.prepare("INSERT INTO big VALUES (?, zeroblob(100000))").run(id));

    await expect(big(1)).rejects.toMatchObject({ name: "SqliteError", passing: true });

    await limitPages(database, pages + 1000);
    await big(1);
    await insert(database, 1);
    expect(rows(database)).toEqual([1]);
  });
});

describe("a file somebody else is writing to", () => {
  test("is waited for without holding up the event loop", async () => {
    const file = await givenFile();
    const database = await givenTable(file);
    const rival = await givenRival(file);
    rival.exec("BEGIN IMMEDIATE");
    const settled = vi.fn();
    const written = insert(database, 1).finally(settled);

    await turnsOfTheLoop(20);

    expect(settled).not.toHaveBeenCalled();
    expect(rows(database)).toEqual([]);
    rival.exec("COMMIT");
    await written;
    expect(rows(database)).toEqual([1]);
  });

  test("is given up at the deadline with a typed error, and works again afterwards", async () => {
    const file = await givenFile();
    const database = await givenTable(file, { writeTimeout: 0.05 });
    const rival = await givenRival(file);
    rival.exec("BEGIN IMMEDIATE");
    const startMs = performance.now();

    const error: unknown = await insert(database, 1).catch((cause: unknown) => cause);

    expect(performance.now() - startMs).toBeGreaterThanOrEqual(50);
    expect(error).toMatchObject({ name: "SqliteError", passing: true, message: expect.stringContaining(file.path) });
    rival.exec("COMMIT");
    await insert(database, 2);
    expect(rows(database)).toEqual([2]);
  });

  test("is given up by each write at its own deadline", async () => {
    const file = await givenFile();
    const database = await givenTable(file, { writeTimeout: 1 });
    const rival = await givenRival(file);
    rival.exec("BEGIN IMMEDIATE");
    const early = insert(database, 1).catch(() => "gave up");
    await new Promise((later) => setTimeout(later, 700));
    const late = insert(database, 2);
    expect(await early).toBe("gave up");
    rival.exec("COMMIT");
    await late;
    expect(rows(database)).toEqual([2]);
  });
});

describe("opening", () => {
  test("makes a file that is not there, and may be done twice", async () => {
    const database = await givenDatabase(await givenFile());
    await database.open();
    expect(database.read((sql) => sql.prepare("PRAGMA journal_mode").get())?.journal_mode).toBe("wal");
  });

  test("says what is wrong with a file that is no database", async () => {
    const file = await givenFile();
    await writeFile(file.path, "this is a letter to my mother, not a database at all ".repeat(100));
    const database = unopened(file);
    await expect(database.open()).rejects.toMatchObject({
      name: "SqliteError",
      passing: false,
      message: expect.stringContaining(file.path),
    });
    await database.close();
  });

  test("says which file cannot be made", async () => {
    const file = await givenFile();
    const path = join(file.path, "no", "such", "folder.db");
    const database = new SqliteDatabase({ path, synchronous: "NORMAL", writeTimeout: 1, logger: silentLogger });
    await expect(database.open()).rejects.toThrow(path);
    await database.close();
  });

  test("may be tried again after it failed", async () => {
    const file = await givenFile();
    const holder = await givenRival(file);
    holder.exec("CREATE TABLE t (id INTEGER); BEGIN EXCLUSIVE");
    const database = unopened(file, { writeTimeout: 0.05 });
    onTestFinished(() => database.close());
    await expect(database.open()).rejects.toMatchObject({ name: "SqliteError", passing: true });
    holder.exec("COMMIT");
    await database.open();
    expect(rows(database)).toEqual([]);
  });

  test.skipIf(process.platform === "win32")("a file that may only be read fails what writes to it", async () => {
    const file = await givenFile();
    await (await givenTable(file)).close();
    const database = unopened(file);
    onTestFinished(() => database.close());
    const { chmod } = await import("node:fs/promises");
    await chmod(file.path, 0o444);
    await chmod(join(file.path, ".."), 0o555);
    onTestFinished(() => chmod(join(file.path, ".."), 0o755));
    const failed = asAnybody(() => database.open().then(() => insert(database, 1)));
    await expect(failed).rejects.toMatchObject({ name: "SqliteError", passing: false });
  });
});

describe("a database that is deleted under an open connection", () => {
  test("confirms nothing any more, and says so to who only waits", async () => {
    const file = await givenFile();
    const logger = new RecordingLogger();
    const database = await givenTable(file, { logger });
    const stopListening = database.onChange(() => undefined);
    await rm(file.path);

    const write = database.write((sql) => sql.prepare("INSERT INTO t VALUES (1)").run());

    await expect(write).rejects.toMatchObject({
      passing: true,
      message: expect.stringContaining("deleted or replaced"),
    });
    await logger.line(({ level, message }) => level === "error" && message.includes("deleted or replaced"));
    stopListening();
  });
});

describe("migrating", () => {
  const STEPS = ["CREATE TABLE one (id INTEGER)", "CREATE TABLE two (id INTEGER)"];

  test("runs each step once", async () => {
    const database = await givenDatabase(await givenFile());
    await database.migrate("me", STEPS.slice(0, 1));
    await database.migrate("me", STEPS);
    await database.migrate("me", STEPS);
    await database.migrate("another", ["CREATE TABLE three (id INTEGER)"]);
    expect(tables(database)).toEqual(["lovage_migrations", "one", "three", "two"]);
  });

  test("refuses a file made by a newer version", async () => {
    const database = await givenDatabase(await givenFile());
    await database.migrate("me", STEPS);
    const older = database.migrate("me", STEPS.slice(0, 1));
    await expect(older).rejects.toThrow(ConfigurationError);
    await expect(older).rejects.toMatchObject({ code: "newer_database", message: expect.stringMatching(/newer/) });
  });

  test("that fails leaves nothing done", async () => {
    const database = await givenDatabase(await givenFile());
    await expect(database.migrate("me", [...STEPS, "CREATE NONSENSE"])).rejects.toThrow(/NONSENSE/);
    expect(tables(database)).not.toContain("one");
    await database.migrate("me", STEPS);
    expect(tables(database)).toContain("two");
  });

  test("is done once by connections that come at the same time", async () => {
    const file = await givenFile();
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const database = await givenDatabase(file);
        await database.migrate("me", STEPS);
      }),
    );
  });

  test("is done once by processes that come at the same time", async () => {
    const file = await givenFile();
    await Promise.all(Array.from({ length: 3 }, () => PeerProcess.start(file.url, 15)));
  }, 20_000);
});

describe("a listener", () => {
  test("is called after a commit by another connection, well before the next poll", async () => {
    const file = await givenFile();
    const database = await givenTable(file);
    const rival = await givenRival(file);
    const seen: number[] = [];
    const delaysMs: number[] = [];
    for (let id = 0; id < 5; id++) {
      const told = new Promise<void>((resolve) => {
        const stop = database.onChange(() => {
          seen.push(rows(database).length);
          stop();
          resolve();
        });
      });
      const startMs = performance.now();
      rival.prepare("INSERT INTO t VALUES (?)").run(id);
      await told;
      delaysMs.push(performance.now() - startMs);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    // The poll under the watch comes once a second; a stalled machine may miss the watch's moment once.
    expect(delaysMs.toSorted((a, b) => a - b)[2]).toBeLessThan(500);
  });

  test("is called after a commit of its own connection", async () => {
    const database = await givenTable();
    const told = vi.fn();
    database.onChange(told);
    await insert(database, 1);
    expect(told).toHaveBeenCalledTimes(1);
  });

  test("is not called once it has ended", async () => {
    const database = await givenTable();
    const told = vi.fn();
    const stop = database.onChange(told);
    const other = vi.fn();
    database.onChange(other);
    stop();
    await insert(database, 1);
    expect(told).not.toHaveBeenCalled();
    expect(other).toHaveBeenCalled();
  });

  test("that throws is reported and harms nobody", async () => {
    const logger = new RecordingLogger();
    const database = await givenTable(await givenFile(), { logger });
    database.onChange(() => {
      throw new Error("thrown by the listener");
    });
    const told = vi.fn();
    database.onChange(told);
    await insert(database, 1);
    expect(told).toHaveBeenCalled();
    expect(JSON.stringify(logger.lines)).toContain("thrown by the listener");
  });

  test("keeps the process alive until it ends", async () => {
    const database = await givenTable();
    const before = timers();
    const stop = database.onChange(() => undefined);
    expect(timers()).toBe(before + 1);
    stop();
    expect(timers()).toBe(before);
  });
});

describe("closing", () => {
  test("commits what waits", async () => {
    const file = await givenFile();
    const database = await givenTable(file);
    const written = Array.from({ length: 50 }, (_, id) => insert(database, id));
    await database.close();
    await Promise.all(written);
    expect(rows(await givenDatabase(file))).toHaveLength(50);
  });

  test("waits for its turn to write", async () => {
    const file = await givenFile();
    const database = await givenTable(file);
    const rival = await givenRival(file);
    rival.exec("BEGIN IMMEDIATE");
    const written = insert(database, 1);
    const closed = database.close();
    await turnsOfTheLoop(20);
    rival.exec("COMMIT");
    await written;
    await closed;
    expect(rows(await givenDatabase(file))).toEqual([1]);
  });

  test("may be done before opening, during it, and twice at once", async () => {
    const never = unopened(await givenFile());
    await never.close();
    await expect(never.open()).rejects.toThrow(/closed/);

    const opening = unopened(await givenFile());
    const opened = opening.open();
    await Promise.all([opening.close(), opening.close()]);
    await opened;
    expect(() => rows(opening)).toThrow(/closed/);
  });

  test("refuses what comes afterwards", async () => {
    const database = await givenTable();
    await database.close();
    await expect(insert(database, 1)).rejects.toThrow(/closed/);
    expect(() => rows(database)).toThrow(/closed/);
    await expect(database.open()).rejects.toThrow(/closed/);
  });
});

async function givenFile(): Promise<SqliteFile> {
  const file = await sqliteFile();
  onTestFinished(file.remove);
  return file;
}

/** A connection that is not open. */
function unopened({ path }: SqliteFile, options: Partial<SqliteOptions> = {}): SqliteDatabase {
  return new SqliteDatabase({ path, synchronous: "NORMAL", writeTimeout: 5, logger: silentLogger, ...options });
}
async function givenDatabase(file: SqliteFile, options: Partial<SqliteOptions> = {}): Promise<SqliteDatabase> {
  const database = unopened(file, options);
  onTestFinished(() => database.close());
  await database.open();
  return database;
}
/** An open connection to a file with a table `t` of ids and a table `big` of blobs. */
async function givenTable(file?: SqliteFile, options: Partial<SqliteOptions> = {}): Promise<SqliteDatabase> {
  const database = await givenDatabase(file ?? (await givenFile()), options);
  await database.migrate("test", ["CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE big (id INTEGER, body BLOB)"]);
  return database;
}
/** Somebody else's connection to the same file, as in another process. */
async function givenRival({ path }: SqliteFile): Promise<SqlHandle> {
  const rival = await openSqliteFile(path, silentLogger);
  onTestFinished(() => rival.close());
  return rival;
}

async function insert(database: SqliteDatabase, id: number): Promise<number> {
  return await database.write((sql) => {
    sql.prepare("INSERT INTO t VALUES (?)").run(id);
    return id;
  });
}
function rows(database: SqliteDatabase): number[] {
  return database.read((sql) => sql.prepare("SELECT id FROM t ORDER BY rowid").all()).map(({ id }) => Number(id));
}
function tables(database: SqliteDatabase): string[] {
  return database
    .read((sql) => sql.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all())
    .map(({ name }) => String(name));
}
async function limitPages(database: SqliteDatabase, pages: number): Promise<void> {
  await database.write((sql) => sql.exec(`PRAGMA max_page_count = ${pages}`));
}

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
/** Resolves when the event loop has turned this often, a millisecond at least each time. */
async function turnsOfTheLoop(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((next) => setTimeout(next, 1));
}
/** How many timers keep this process alive, the test runner's own among them. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((what) => what === "Timeout").length;
}
/** Runs it without the rights that root has to write everywhere. */
async function asAnybody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
