import { expect, onTestFinished, test } from "vitest";
import { sqliteFile } from "../../../lovage/test/support/sqlite-file.js";
import { RecordCache } from "../../src/server/ingest/record-cache.js";
import { emptyRecord } from "../../src/server/store/task-record.js";
import { until } from "../support/until.js";
import { makeApp, publishEvents, Watch } from "../support/watch-bench.js";

test("tasks that go on stay at hand, however many end meanwhile", () => {
  const cache = new RecordCache({ living: 2, ended: 3 });
  cache.set({ ...emptyRecord("goes-on", 0), state: "STARTED" });
  for (let at = 0; at < 10; at++) cache.set({ ...emptyRecord(`ended-${at}`, 0), state: "SUCCESS" });
  expect(cache.get("goes-on")?.state).toBe("STARTED");
  expect(["ended-6", "ended-7", "ended-9"].map((id) => cache.get(id)?.state)).toEqual([
    undefined,
    "SUCCESS",
    "SUCCESS",
  ]);
  cache.set({ ...emptyRecord("goes-on", 0), state: "FAILURE" });
  cache.set({ ...emptyRecord("ended-9", 0), state: "RETRY" });
  expect([cache.get("goes-on")?.state, cache.get("ended-9")?.state]).toEqual(["FAILURE", "RETRY"]);
  cache.delete("goes-on");
  expect(cache.get("goes-on")).toBeUndefined();
});

test("late news of more ended tasks than are at hand finds the record of each", { timeout: 60_000 }, async () => {
  const file = await sqliteFile();
  onTestFinished(() => file.remove());
  const app = makeApp({ brokerUrl: "memory:", resultBackend: "memory:" });
  const watch = await (await Watch.open(app, file.url)).leads();
  const event = (number: number, type: string) => ({
    type,
    uuid: `task-${number}`,
    hostname: "w1@far",
    timestamp: 1_800_000_000 + number,
    utcoffset: 0,
    clock: number,
    pid: 1,
  });
  const numbers = Array.from({ length: 5_000 }, (_, number) => number);
  await publishEvents(
    app,
    numbers.map((number) => event(number, "task-succeeded")),
  );
  await until(async () => (await watch.tasks.stateCounts()).SUCCESS === numbers.length);
  // Those that are at hand and those that are not, by turns.
  const mixed = numbers.map((number) => (number * 2_503) % numbers.length);
  await publishEvents(
    app,
    mixed.map((number) => ({ ...event(number, "task-received"), name: "t.late" })),
  );
  await until(async () => (await watch.tasks.countMatching({ name: "t.late" })) === numbers.length);
  expect(await watch.tasks.stateCounts()).toEqual({ SUCCESS: numbers.length });
});
