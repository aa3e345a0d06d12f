import { silentLogger } from "lovage";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Database, Statement } from "../../src/server/store/database.js";
import { DurationHistogram } from "../../src/server/store/duration-histogram.js";
import { SqlSeriesStore } from "../../src/server/store/sql-series-store.js";
import { StoreError } from "../../src/server/store/store-error.js";
import { describeDatabases } from "../support/console-database.js";

const NOW_MS = Date.UTC(2026, 0, 31, 10, 30);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe("a histogram of durations", () => {
  test("gives percentiles within a tenth", () => {
    const histogram = DurationHistogram.empty();
    for (let i = 1; i <= 1000; i += 1) histogram.add(i / 100);
    expect(histogram.percentile(0.5)).toBeGreaterThan(4.5);
    expect(histogram.percentile(0.5)).toBeLessThan(5.5);
    expect(histogram.percentile(0.99)).toBeGreaterThan(8.9);
    expect(histogram.percentile(0.99)).toBeLessThan(11);
  });

  test("is the same after it was written, and two of them add up", () => {
    const one = DurationHistogram.empty();
    const other = DurationHistogram.empty();
    for (const seconds of [0, 0.0001, 1, 1e9, Number.MAX_VALUE]) one.add(seconds);
    for (const seconds of [2, 3]) other.add(seconds);
    const sum = one.plus(DurationHistogram.parse(other.text));
    expect(sum.count).toBe(7);
    expect(DurationHistogram.parse(sum.text).text).toBe(sum.text);
    expect(DurationHistogram.parse("x:1 5:-3 900:1 4:2").count).toBe(2);
  });
});

describeDatabases("the series store", (place) => {
  const openStores = async (): Promise<{ readonly database: Database; makeStore(): SqlSeriesStore }> => {
    const { open } = await place();
    const database = await open();
    const makeStore = (): SqlSeriesStore => {
      const store = new SqlSeriesStore({ database, logger: silentLogger, nowMs: () => NOW_MS });
      onTestFinished(() => store.stop());
      return store;
    };
    return { database, makeStore };
  };

  const lastMinutes = (minutes: number) => ({ fromMs: NOW_MS - minutes * MINUTE_MS, toMs: NOW_MS, stepMs: MINUTE_MS });

  test("adds counts up, of several consoles too, and shows what is not written yet", async () => {
    const { makeStore } = await openStores();
    const one = makeStore();
    const other = makeStore();
    for (const store of [one, other]) {
      store.count("finished", "state:SUCCESS", 2, NOW_MS - 90_000);
      await store.flush();
    }
    one.count("finished", "state:SUCCESS", 1, NOW_MS - 90_000);
    const lines = await one.read({ metric: "finished", ...lastMinutes(3), as: "sum" });
    expect([...lines]).toEqual([["state:SUCCESS", [0, 5, 0]]]);
  });

  test("keeps the newest figure of a bucket", async () => {
    const { makeStore } = await openStores();
    const store = makeStore();
    store.gauge("depth", "queue:images", 7, NOW_MS - 30_000);
    store.gauge("depth", "queue:images", 5, NOW_MS - 31_000);
    await store.flush();
    store.gauge("depth", "queue:images", 4, NOW_MS - 32_000);
    await store.flush();
    const lines = await store.read({ metric: "depth", label: "queue:images", ...lastMinutes(2), as: "last" });
    expect(lines.get("queue:images")).toEqual([null, 7]);
  });

  test("gives percentiles over buckets that were written at different times", async () => {
    const { makeStore } = await openStores();
    const store = makeStore();
    for (let i = 0; i < 10; i += 1) {
      for (let j = 0; j < 10; j += 1) store.observe("wait", "", i * 10 + j, NOW_MS - 30_000);
      await store.flush();
    }
    const fresh = makeStore();
    fresh.observe("wait", "", 99, NOW_MS - 30_000);
    await fresh.flush();
    const read = async (as: "p50" | "p95" | "count") =>
      (await fresh.read({ metric: "wait", label: "", ...lastMinutes(1), as })).get("")?.[0] ?? Number.NaN;
    expect(await read("count")).toBe(101);
    expect(await read("p50")).toBeGreaterThan(44);
    expect(await read("p50")).toBeLessThan(56);
    expect(await read("p95")).toBeGreaterThan(85);
  });

  test("adds up the durations of consoles that take turns", async () => {
    const { makeStore } = await openStores();
    const [one, other] = [makeStore(), makeStore()];
    for (let turn = 0; turn < 3; turn += 1) {
      for (const store of [one, other]) {
        store.observe("wait", "", 1 + turn, NOW_MS - 30_000);
        await store.flush();
      }
    }
    for (const store of [one, other]) store.observe("wait", "", 9, NOW_MS - 30_000);
    await Promise.all([one.flush(), other.flush()]);
    const lines = await makeStore().read({ metric: "wait", label: "", ...lastMinutes(1), as: "count" });
    expect(lines.get("")).toEqual([8]);
  });

  test("counts once what is written in several parts of which one fails at first", async () => {
    const { database } = await openStores();
    let writes = 0;
    const failing: Database = Object.create(database, {
      dialect: { value: database.dialect },
      migrate: { value: database.migrate.bind(database) },
      all: { value: database.all.bind(database) },
      write: {
        value: async (statements: readonly Statement[]) => {
          writes += 1;
          if (writes === 2) throw new StoreError("the disk is full");
          return await database.write(statements);
        },
      },
    });
    const store = new SqlSeriesStore({ database: failing, logger: silentLogger, nowMs: () => NOW_MS });
    for (let i = 0; i < 3_000; i += 1) store.count("started", `worker:w${i}`, 1, NOW_MS - 30_000);
    await expect(store.flush()).rejects.toThrow(StoreError);
    await store.flush();
    for (const name of ["w0", "w1999", "w2000", "w2999"]) {
      const label = `worker:${name}`;
      const lines = await store.read({ metric: "started", label, ...lastMinutes(1), as: "sum" });
      expect(lines.get(label), name).toEqual([1]);
    }
  });

  test("answers from longer buckets where the short ones are gone", async () => {
    const { makeStore } = await openStores();
    const store = makeStore();
    store.count("finished", "", 3, NOW_MS - 30 * HOUR_MS);
    store.count("finished", "", 4, NOW_MS - 60 * HOUR_MS);
    await store.flush();
    const day = await store.read({
      metric: "finished",
      label: "",
      fromMs: NOW_MS - 31 * HOUR_MS,
      toMs: NOW_MS,
      stepMs: HOUR_MS,
      as: "sum",
    });
    expect(day.get("")?.reduce((sum: number, each) => sum + (each ?? 0), 0)).toBe(3);
    const week = await store.read({
      metric: "finished",
      label: "",
      fromMs: NOW_MS - 168 * HOUR_MS,
      toMs: NOW_MS,
      stepMs: 10_000,
      as: "sum",
    });
    expect(week.get("")?.reduce((sum: number, each) => sum + (each ?? 0), 0)).toBe(7);
    expect(week.get("")).toHaveLength(169);
  });

  test("keeps to its bounds, whatever names come in", async () => {
    const { database, makeStore } = await openStores();
    const store = makeStore();
    for (let i = 0; i < 6000; i += 1) store.count("finished", `task:${i}`, 1, NOW_MS - 1000);
    store.count("finished", "x".repeat(1e6), Number.MAX_SAFE_INTEGER, Number.NaN);
    await store.flush();
    const [row] = await database.all({
      sql: "SELECT count(*) AS n, sum(value) AS all_of FROM series WHERE step_ms = 10000",
    });
    expect(Number(row?.n)).toBe(5001);
    expect(Number(row?.all_of)).toBe(6000);
  });
});
