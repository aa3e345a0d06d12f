import { silentLogger } from "lovage";
import { expect, onTestFinished, test } from "vitest";
import { DEFAULT_LIMITS, RetentionKeeper, type RetentionKeeperOptions } from "../src/server/retention.js";
import { ApiError } from "../src/server/route.js";
import type { Database } from "../src/server/store/database.js";
import { SqlTaskStore } from "../src/server/store/sql-task-store.js";
import { emptyRecord, type TaskRecord } from "../src/server/store/task-record.js";
import { describeDatabases } from "./support/console-database.js";
import { until } from "./support/until.js";

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

function ended(id: string, days: number, members: Partial<TaskRecord> = {}): TaskRecord {
  const atMs = NOW - days * DAY;
  return { ...emptyRecord(id, atMs), state: "SUCCESS", updatedMs: atMs, finishedMs: atMs, ...members };
}

async function storeWith(database: Database, records: readonly TaskRecord[]): Promise<SqlTaskStore> {
  const tasks = new SqlTaskStore({ database });
  await tasks.open();
  const events = records.map(({ id, firstMs }) => ({
    ...{ taskId: id, type: "task-succeeded", atMs: firstMs, worker: "w", clock: 1, attempt: 1, fieldsJson: "{}" },
  }));
  const logs = records.map(({ id, firstMs }) => ({
    ...{ taskId: id, atMs: firstMs, level: "info", message: "line", fieldsJson: "{}", attempt: 1, worker: null },
  }));
  await tasks.put({ records, events, logs });
  return tasks;
}

describeDatabases("what the console keeps for how long", (place) => {
  function keeper(
    database: Database,
    tasks: SqlTaskStore,
    more: Partial<RetentionKeeperOptions> = {},
  ): RetentionKeeper {
    const made = new RetentionKeeper({ database, tasks, logger: silentLogger, nowMs: () => NOW, ...more });
    onTestFinished(() => made.stop());
    return made;
  }
  async function emptyKeeper(database: Database): Promise<RetentionKeeper> {
    return keeper(database, await storeWith(database, []));
  }

  test("removes what is older, with its events and logs, and keeps failures longer and what is to come", async () => {
    const database = await (await place()).open();
    const tasks = await storeWith(database, [
      ended("new", 1),
      ended("week-old", 6.9),
      ended("old", 7.1),
      ended("failed", 29, { state: "FAILURE" }),
      ended("long-failed", 31, { state: "FAILURE" }),
      ended("planned", 40, { state: "PENDING", finishedMs: null, etaMs: NOW + DAY }),
      ended("never-heard-of-again", 40, { state: "STARTED", finishedMs: null }),
    ]);
    const asked: unknown[] = [];
    const others = [async (limits: unknown, nowMs: number) => asked.push([limits, nowMs])];
    const retention = keeper(database, tasks, { others });

    expect(await retention.sweep()).toBe(3);

    const left = await tasks.list({ filter: {}, sort: "-received", limit: 50, cursor: undefined });
    expect(left.records.map(({ id }) => id)).toEqual(["new", "week-old", "failed", "planned"]);
    for (const id of ["old", "long-failed", "never-heard-of-again"]) expect(await tasks.events(id)).toEqual([]);
    const lines = await database.all({ sql: "SELECT at_ms FROM task_logs" });
    // Of the four that are left only one has lines of the last three days.
    expect(lines).toEqual([{ at_ms: NOW - DAY }]);
    expect(await database.all({ sql: "SELECT seq FROM task_events" })).toHaveLength(4);
    expect(asked).toEqual([[DEFAULT_LIMITS, NOW]]);
    expect(await retention.sweep()).toBe(0);
  });

  test("removes what is too much, the oldest first, failures last, and never what has not ended", async () => {
    const database = await (await place()).open();
    const tasks = await storeWith(database, [
      ...Array.from({ length: 150 }, (_, at) => ended(`t${at}`, 1 + at / 1000)),
      ended("failed", 2, { state: "FAILURE" }),
      ended("running", 3, { state: "STARTED", finishedMs: null }),
    ]);
    const retention = keeper(database, tasks);
    await retention.change({ taskCount: 100 });
    expect(await retention.sweep()).toBe(52);
    const left = await tasks.list({ filter: {}, sort: "received", limit: 200, cursor: undefined });
    expect(left.records.slice(0, 3).map(({ id }) => id)).toEqual(["running", "failed", "t97"]);
    expect(left.records).toHaveLength(100);
  });

  test("is changed for all consoles of a store, and over a restart", async () => {
    const { open } = await place();
    const [one, other] = await Promise.all([open(), open()]);
    const first = await emptyKeeper(one);
    const second = await emptyKeeper(other);
    await first.change({ taskDays: 0.5, auditDays: 30 });
    await second.change({ logDays: 2 });
    expect(second.limits).toEqual({ ...DEFAULT_LIMITS, taskDays: 0.5, auditDays: 30, logDays: 2 });
    const third = await emptyKeeper(one);
    expect(third.limits).toEqual(DEFAULT_LIMITS);
    await third.start();
    await until(() => third.limits.logDays === 2);
    expect(third.limits).toEqual(second.limits);
  });

  test("takes no limit that is out of its bounds: the refusal names each, and nothing changes", async () => {
    const database = await (await place()).open();
    const retention = await emptyKeeper(database);
    const wrong = { taskDays: 0, taskCount: 1000.5, logDays: Number.NaN, failureDays: 60 };
    const refused = await retention.change(wrong).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 422, code: "bad_retention" });
    const paths = refused instanceof ApiError ? refused.errors?.map(({ path }) => path) : [];
    expect(paths).toEqual(["taskDays", "taskCount", "logDays"]);
    expect(retention.limits).toEqual(DEFAULT_LIMITS);
    await retention.change({});
    expect(retention.limits).toEqual(DEFAULT_LIMITS);
  });

  test("goes by the defaults where the stored limits are damaged: nothing is removed by mistake", async () => {
    const database = await (await place()).open();
    const retention = await emptyKeeper(database);
    await retention.change({ taskDays: 3 });
    for (const [text, expected] of [
      ["{broken", DEFAULT_LIMITS],
      ['{"taskDays":-1,"taskCount":"all","logDays":1,"unknown":5}', { ...DEFAULT_LIMITS, logDays: 1 }],
      ["null", DEFAULT_LIMITS],
    ] as const) {
      await database.write([{ sql: "UPDATE console_settings SET value_json = ?", values: [text] }]);
      const reader = keeper(database, new SqlTaskStore({ database }), { sweeps: () => false });
      await reader.change({ failureDays: 30 });
      expect(reader.limits).toEqual(expected);
    }
  });

  test("is applied by the console that writes, and by no other", async () => {
    const database = await (await place()).open();
    const tasks = await storeWith(database, [ended("old", 8)]);
    let asked = 0;
    const standby = keeper(database, tasks, {
      sweeps: () => {
        asked += 1;
        return false;
      },
    });
    await standby.start();
    await until(() => asked > 0);
    expect(await tasks.get("old")).toBeDefined();
    const leader = keeper(database, tasks, { sweeps: () => true });
    await leader.start();
    await until(async () => (await tasks.get("old")) === undefined);
  });
});
