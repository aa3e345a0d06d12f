import { ConfigurationError, silentLogger } from "lovage";
import { describe, expect, onTestFinished, test } from "vitest";
import { openSqliteFile } from "../../../lovage/src/connections/sqlite-driver.js";
import { CutProxy } from "../../../lovage/test/support/cut-proxy.js";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import { openDatabase } from "../../src/server/store/open-database.js";
import { numberedParameters } from "../../src/server/store/postgres/numbered-parameters.js";
import { StoreError, UnmetError } from "../../src/server/store/store-error.js";
import { jsonRowsValue, likePattern } from "../../src/server/store/stored-texts.js";
import { describeDatabases, sqlitePlace } from "../support/console-database.js";

describeDatabases("the console's database", (place) => {
  test("gives back what was written, with numbers as numbers", async () => {
    const database = await (await place()).open();
    const { bigint, real, bytes } = database.dialect;
    await database.migrate("things", [`CREATE TABLE things (id text, big ${bigint}, part ${real}, raw ${bytes})`]);
    await database.write([
      {
        sql: "INSERT INTO things VALUES (?, ?, ?, ?)",
        values: ["a", 2 ** 53 - 1, 0.5, Uint8Array.of(0, 255)],
      },
      { sql: "INSERT INTO things VALUES (?, ?, ?, ?)", values: ["b", null, null, null] },
    ]);
    const [a, b] = await database.all({ sql: "SELECT * FROM things ORDER BY id" });
    expect({ ...a, raw: [...(a?.raw instanceof Uint8Array ? a.raw : [])] }).toEqual({
      id: "a",
      big: 2 ** 53 - 1,
      part: 0.5,
      raw: [0, 255],
    });
    expect(b).toEqual({ id: "b", big: null, part: null, raw: null });
    expect(await database.get({ sql: "SELECT count(*) AS n, sum(big) AS big FROM things" })).toEqual({
      n: 2,
      big: 2 ** 53 - 1,
    });
    expect(await database.get({ sql: "SELECT id FROM things WHERE id = ?", values: ["c"] })).toBeUndefined();
    expect(await database.size()).toBeGreaterThan(0);
  });

  test("writes all statements or none, and gives the rows of each", async () => {
    const database = await (await place()).open();
    await database.migrate("things", [`CREATE TABLE things (id ${database.dialect.autoId}, name text UNIQUE)`]);
    const insert = (name: string) => ({
      sql: "INSERT INTO things (name) VALUES (?) RETURNING id, name",
      values: [name],
    });
    expect(await database.write([insert("a"), { sql: "UPDATE things SET name = 'b'" }, insert("a")])).toEqual([
      [{ id: 1, name: "a" }],
      [],
      [{ id: 2, name: "a" }],
    ]);
    await expect(database.write([insert("c"), insert("a")])).rejects.toThrow();
    expect(await database.all({ sql: "SELECT name FROM things ORDER BY id" })).toEqual([{ name: "b" }, { name: "a" }]);
    expect(database.trouble).toBeNull();
  });

  test("keeps nothing of a write in which a statement does not give the rows it has to", async () => {
    const database = await (await place()).open();
    await database.migrate("things", ["CREATE TABLE things (name text UNIQUE)"]);
    const insert = (name: string) => ({ sql: "INSERT INTO things (name) VALUES (?)", values: [name] });
    const isThere = (name: string) => ({ sql: "SELECT name FROM things WHERE name = ?", values: [name], mustGive: 1 });
    await database.write([insert("a")]);
    const writes = await Promise.allSettled([
      database.write([isThere("a"), insert("b")]),
      database.write([insert("c"), isThere("x"), insert("d")]),
      database.write([insert("e"), isThere("e")]),
    ]);
    expect(writes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(writes[1]).toHaveProperty("reason", expect.any(UnmetError));
    expect(await database.all({ sql: "SELECT name FROM things ORDER BY name" })).toEqual(
      ["a", "b", "e"].map((name) => ({ name })),
    );
    expect(database.trouble).toBeNull();
  });

  test("takes steps once, however many open it together, and refuses tables of a newer console", async () => {
    const { open } = await place();
    const [one, other] = await Promise.all([open(), open()]);
    const steps = [
      "CREATE TABLE things (id text); CREATE INDEX things_id ON things (id)",
      "INSERT INTO things VALUES ('x')",
    ];
    await Promise.all([one.migrate("things", steps.slice(0, 1)), other.migrate("things", steps.slice(0, 1))]);
    await Promise.all([one.migrate("things", steps), other.migrate("things", steps), one.migrate("others", [])]);
    expect(await one.all({ sql: "SELECT id FROM things" })).toEqual([{ id: "x" }]);
    await expect(one.migrate("things", steps.slice(0, 1))).rejects.toThrow(ConfigurationError);
  });

  test("reads rows out of one JSON parameter, whatever is in them", async () => {
    const database = await (await place()).open();
    const rows = [
      { id: `it's "x" ? $1 \0 \u{1f600} \ud800`, at: 2 ** 53 - 1, part: 0.25 },
      { id: null, at: null, part: null },
    ];
    const source = database.dialect.jsonRows("?", { id: "text", at: "bigint", part: "real" });
    const read = await database.all({
      sql: `SELECT r.id, r.at, r.part FROM ${source} AS r WHERE ? = 'y'`,
      values: [jsonRowsValue(rows), "y"],
    });
    expect(read).toEqual([
      { id: `it's "x" ? $1 \ufffd \u{1f600} \ufffd`, at: 2 ** 53 - 1, part: 0.25 },
      { id: null, at: null, part: null },
    ]);
  });

  test("finds texts without case, with wildcards standing for themselves", async () => {
    const database = await (await place()).open();
    await database.migrate("things", ["CREATE TABLE things (name text)"]);
    const names = ["100% Sure", "100 sure", "a_b", "axb", "back\\slash", "nul\0nul"];
    await database.write(names.map((name) => ({ sql: "INSERT INTO things VALUES (?)", values: [name] })));
    const find = async (text: string): Promise<unknown[]> => {
      const sql = `SELECT name FROM things WHERE ${database.dialect.contains("name")}`;
      return (await database.all({ sql, values: [likePattern(text)] })).map(({ name }) => name);
    };
    expect(await find("0% SURE")).toEqual(["100% Sure"]);
    expect(await find("A_B")).toEqual(["a_b"]);
    expect(await find("k\\s")).toEqual(["back\\slash"]);
    expect(await find("nul\ufffdnul")).toEqual(["nul\ufffdnul"]);
  });

  test("shows its address without secrets", async () => {
    const database = await (await place()).open();
    expect(database.url).toMatch(/^(sqlite:\/|postgres:\/\/)/);
    expect(database.url).not.toMatch(/:[^/@]*@/);
  });
});

describe("the console's database on SQLite", () => {
  test("goes on after the file was locked for long, and holds nothing else up meanwhile", async () => {
    const { url } = await sqlitePlace();
    const database = openDatabase(url, { logger: silentLogger, timeout: 0.2 });
    onTestFinished(() => database.close());
    await database.open();
    await database.migrate("things", ["CREATE TABLE things (id text)"]);
    const other = await openSqliteFile(fileOf(url), silentLogger);
    onTestFinished(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    const insert = { sql: "INSERT INTO things VALUES ('a')" };
    let longestMs = 0;
    let lastMs = performance.now();
    const beat = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 5);
    await expect(database.write([insert])).rejects.toThrow(StoreError);
    clearInterval(beat);
    // SQLite's own wait would take the whole 200 ms.
    expect(longestMs).toBeLessThan(150);
    expect(database.trouble).toContain("locked");
    expect(await database.all({ sql: "SELECT id FROM things" })).toEqual([]);
    // Reading still works, and does not make writing work.
    expect(database.trouble).toContain("locked");
    other.exec("COMMIT");
    await database.write([insert]);
    expect(database.trouble).toBeNull();
    expect(await database.all({ sql: "SELECT id FROM things" })).toEqual([{ id: "a" }]);
  });

  test("rejects at once when the disk is full, and goes on when there is room", async () => {
    const database = await (await sqlitePlace()).open();
    await database.migrate("things", ["CREATE TABLE things (id text)"]);
    const pages = Number((await database.get({ sql: "PRAGMA page_count" }))?.page_count);
    await database.all({ sql: `PRAGMA max_page_count = ${pages + 2}` });
    const insert = { sql: "INSERT INTO things VALUES (?)", values: ["x".repeat(100_000)] };
    await expect(database.write([insert])).rejects.toMatchObject({ name: "StoreError", code: "store_unavailable" });
    expect(database.trouble).toContain("full");
    await database.all({ sql: "PRAGMA max_page_count = 1000000" });
    await database.write([insert]);
    expect(database.trouble).toBeNull();
  });

  test("says that its folder is not there", async () => {
    const { url } = await sqlitePlace();
    const database = openDatabase(url.replace("test.db", "nowhere/test.db"), { logger: silentLogger });
    await expect(database.open()).rejects.toThrow(StoreError);
    await database.close();
  });
});

describeWithServer("postgres", "the console's database on PostgreSQL", (serverUrl) => {
  test("rejects while the server cannot be reached, and goes on when it can", async () => {
    const { hostname, port } = new URL(serverUrl);
    const proxy = await CutProxy.to(hostname, Number(port));
    const url = new URL(serverUrl);
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    url.searchParams.set("schema", `t_cut_${process.pid}`);
    const database = openDatabase(url.toString(), { logger: silentLogger, timeout: 0.5 });
    onTestFinished(() => database.close());
    await database.open();
    onTestFinished(async () => {
      await database.write([{ sql: `DROP SCHEMA t_cut_${process.pid} CASCADE` }]);
    });
    const stopped = setInterval(() => proxy.cut(), 1);
    await expect(database.write([{ sql: "SELECT pg_sleep(0.2)" }])).rejects.toThrow(StoreError);
    expect(database.trouble).not.toBeNull();
    clearInterval(stopped);
    await database.write([{ sql: "SELECT 1" }]);
    await database.all({ sql: "SELECT 1" });
    expect(database.trouble).toBeNull();
  });

  test("rejects when a statement takes too long", async () => {
    const database = openDatabase(`${serverUrl}?schema=t_slow_${process.pid}`, { logger: silentLogger, timeout: 0.3 });
    onTestFinished(() => database.close());
    await database.open();
    onTestFinished(async () => {
      await database.write([{ sql: `DROP SCHEMA t_slow_${process.pid} CASCADE` }]);
    });
    await expect(database.all({ sql: "SELECT pg_sleep(20)" })).rejects.toThrow(StoreError);
    expect(await database.all({ sql: "SELECT 1 AS one" })).toEqual([{ one: 1 }]);
  });
});

test("no database is opened behind other URLs, and no secret shown", () => {
  expect(() => openDatabase("mysql://me:hush@host/db", { logger: silentLogger })).toThrow(ConfigurationError);
  expect(() => openDatabase("mysql://me:hush@host/db", { logger: silentLogger })).not.toThrow(/hush/);
});

test("parameters are numbered outside of quotes and comments only", () => {
  expect(
    numberedParameters(`SELECT '?', "a?", x -- what?\n FROM t WHERE a = ? AND b LIKE ? ESCAPE '\\' AND c = 'it''s ?'`),
  ).toBe(`SELECT '?', "a?", x -- what?\n FROM t WHERE a = $1 AND b LIKE $2 ESCAPE '\\' AND c = 'it''s ?'`);
});

function fileOf(url: string): string {
  return url.replace(/^sqlite:\/\//, "").replace(/\?.*$/, "");
}
