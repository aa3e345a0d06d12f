import { once } from "node:events";
import { Lovage } from "lovage";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testEtas } from "./suites/etas.js";
import { testWorkerKills } from "./suites/worker-kills.js";
import { Fleet } from "./support/fleet.js";
import { isEmpty, left } from "./support/left.js";
import { Matrix } from "./support/matrix.js";
import type { Rig } from "./support/rig.js";
import { sqliteRig } from "./support/rigs/sqlite.js";
import { until } from "./support/until.js";

const LEASE = 2;

describe("faults on SQLite", () => {
  const matrix = new Matrix("sqlite");
  let rig: Rig;
  beforeAll(async () => {
    rig = await sqliteRig();
  });
  afterAll(async () => {
    matrix.finish(rig.description);
    await rig.dispose();
  });

  testWorkerKills(() => rig, matrix, ["processes", "threads"]);
  testEtas(() => rig);
});

describe("on SQLite, with real processes", () => {
  let fleet: Fleet;
  let app: Lovage;

  beforeEach(async () => {
    fleet = await Fleet.create({ env: { LOVAGE_BROKER_LEASE_SECONDS: String(LEASE) } });
    app = new Lovage("faults", { brokerUrl: fleet.url, resultBackend: fleet.url, brokerLeaseSeconds: LEASE });
  });
  afterEach(async () => {
    await app.close();
    await fleet.dispose();
  });

  test("every publish that was confirmed before the publisher was killed has run", async () => {
    // Given a worker, and publishers that are killed in mid-burst
    for (const prefix of ["a", "b", "c"]) {
      const publisher = fleet.script("publish.mjs", prefix);
      await until(
        () => fleet.lines("confirmed").some((id) => id.startsWith(`${prefix}-5`)),
        30,
        "a first confirmed publish",
      );
      const ended = once(publisher, "exit");
      publisher.kill("SIGKILL");
      await ended;
    }
    const confirmed = fleet.lines("confirmed");
    expect(confirmed.length).toBeGreaterThan(100);

    // When a worker works them off
    const worker = fleet.worker("--pool", "async", "--concurrency", "50");
    await worker.ready;
    await until(() => isEmpty(app), 120, "an empty queue");

    // Then each confirmed one has run, exactly once
    const runs = fleet.runs();
    expect(confirmed.filter((id) => !runs.has(id))).toEqual([]);
    expect([...runs.values()].filter((by) => by.length > 1)).toEqual([]);
  });

  test("a worker that was frozen past its lease neither acknowledges nor overwrites the run that replaced it", async () => {
    // Given a worker frozen in mid-task
    const frozen = fleet.worker("--pool", "threads", "--concurrency", "1");
    await frozen.ready;
    const result = await app.sendTask("faults.slow", [1000]);
    await until(() => fleet.lines("record").length > 0, 10, "the start of the task");
    frozen.child.kill("SIGSTOP");

    // When another one has run the task, and the first wakes
    const other = fleet.worker("--pool", "threads", "--concurrency", "1");
    await other.ready;
    expect(await result.get({ timeout: 30 })).toBe(other.name);
    frozen.child.kill("SIGCONT");
    await until(
      () => frozen.output().includes("lost the lease") || frozen.output().includes("dropped the outcome"),
      20,
      "the sleeper's insight",
    );

    // Then the result is the other one's, and the sleeper works on
    expect(await result.get({ timeout: 1 })).toBe(other.name);
    await other.kill("SIGTERM");
    const next = await app.sendTask("faults.slow", [1]);
    expect(await next.get({ timeout: 20 })).toBe(frozen.name);
    await until(() => isEmpty(app), 10, "an empty queue");
  });

  test("a task that takes its process along each time becomes a dead letter with its evidence", async () => {
    const worker = fleet.worker("--pool", "processes", "--concurrency", "1");
    await worker.ready;
    const result = await app.sendTask("faults.crash", []);

    await expect(result.get({ timeout: 60 })).rejects.toMatchObject({ name: "WorkerLostError" });

    // The first run and taskMaxDeliveries repeats.
    expect(fleet.lines("record")).toHaveLength(6);
    await until(async () => (await left(app)).dead === 1, 10, "a dead letter");
    const { queues } = await app.direct.broker();
    const [letter] = await queues.peek("lovage.dead-letters", { limit: 1 });
    expect(letter?.message.headers["x-lovage-death"]).toMatchObject({
      reason: "deliveries_used_up",
      signal: "SIGKILL",
      queue: "celery",
    });
  });

  test("a result reaches who waits in another process when it is stored, not when the file is looked at once a second", async () => {
    const worker = fleet.worker("--pool", "async");
    await worker.ready;
    for (let turn = 0; turn < 200; turn++) {
      const result = await app.sendTask("faults.append", [`r${turn}`, 0]);
      const sent = performance.now();
      await result.get({ timeout: 10 });
      // Two commits follow one another within a millisecond here, the claim and the result: the second must not hide behind the first.
      expect(performance.now() - sent).toBeLessThan(500);
    }
  });

  test("a worker that is killed with kill -9 leaves no process behind, and its task runs elsewhere", async () => {
    const first = fleet.worker("--pool", "processes", "--concurrency", "1");
    await first.ready;
    const result = await app.sendTask("faults.slow", [2000]);
    await until(() => fleet.lines("record").length > 0, 10, "the start of the task");

    await first.kill("SIGKILL");
    const second = fleet.worker("--pool", "processes", "--concurrency", "1");

    expect(await result.get({ timeout: 40 })).toBe(second.name);
    expect(fleet.lines("record").filter((line) => line.startsWith(`ended ${first.name}`))).toEqual([]);
  });
});
