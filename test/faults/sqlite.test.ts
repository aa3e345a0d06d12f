import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Lovage } from "lovage";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fleet, type WorkerProcess } from "./support/fleet.js";

const LEASE = 2;
const TASKS = 10_000;

let fleet: Fleet;
let app: Lovage;

beforeEach(async () => {
  fleet = await Fleet.create({ LOVAGE_BROKER_LEASE_SECONDS: String(LEASE) });
  app = new Lovage("faults", { brokerUrl: fleet.url, resultBackend: fleet.url, brokerLeaseSeconds: LEASE });
});
afterEach(async () => {
  await app.close();
  await fleet.dispose();
});

/** Polls because the record is a file that other processes write: there is no event to wait for. */
async function until(done: () => boolean | Promise<boolean>, seconds: number, what: string): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${seconds} s`);
    await wait(50);
  }
}

async function left(): Promise<{ ready: number; unacked: number; scheduled: number; dead: number }> {
  const { queues } = await app.direct.broker();
  const counts = await queues.counts("celery");
  const dead = await queues.counts("lovage.dead-letters");
  return {
    ready: counts?.ready ?? 0,
    unacked: counts?.unacked ?? 0,
    scheduled: counts?.scheduled ?? 0,
    dead: dead?.ready ?? 0,
  };
}

/** Runs by task id: the workers that ran it, in order. */
function runsById(lines: readonly string[]): Map<string, string[]> {
  const runs = new Map<string, string[]>();
  for (const line of lines) {
    const [id = "", worker = ""] = line.split(" ");
    runs.set(id, [...(runs.get(id) ?? []), worker]);
  }
  return runs;
}

describe("on SQLite, with real processes", () => {
  test.each(["processes", "threads"])(
    "10,000 tasks all run though workers with the pool %s are killed with kill -9 and restarted all along; only those in flight at a kill repeat",
    async (pool) => {
      // Given three workers and 10,000 tasks that each leave their id in a file
      const concurrency = 4;
      const start = (): WorkerProcess => fleet.worker("--pool", pool, "--concurrency", String(concurrency));
      const workers = [start(), start(), start()];
      await Promise.all(workers.map((worker) => worker.ready));
      const ids = Array.from({ length: TASKS }, (_, index) => `t${index}`);
      const sent = Promise.all(ids.map((id) => app.sendTask("faults.append", [id, 10])));

      // When one after the other is killed and another takes its place, until all have run
      const killed = new Set<string>();
      let turn = 0;
      while (new Set(fleet.lines("record").map((line) => line.split(" ")[0])).size < TASKS) {
        await wait(700);
        const slot = turn++ % workers.length;
        const victim = workers[slot];
        if (!victim || turn > 400) throw new Error("the tasks do not come to an end");
        await victim.ready;
        await victim.kill("SIGKILL");
        killed.add(victim.name);
        workers[slot] = start();
      }
      await sent;
      await until(
        async () => Object.values(await left()).every((count) => count === 0),
        4 * LEASE + 20,
        "an empty queue",
      );

      // Then every id is there, what ran twice was in the hands of a killed worker, and nothing is left
      const runs = runsById(fleet.lines("record"));
      expect([...runs.keys()].sort()).toEqual([...ids].sort());
      const repeated = [...runs.values()].filter((by) => by.length > 1);
      for (const by of repeated) for (const worker of by.slice(0, -1)) expect(killed).toContain(worker);
      expect(killed.size).toBeGreaterThan(3);
      expect(repeated.length).toBeLessThanOrEqual(killed.size * concurrency * 4);
      console.info(
        `${pool}: ${TASKS} tasks, ${killed.size} kills, ${repeated.length} ran more than once, 0 lost, 0 left`,
      );
    },
  );

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
    await until(async () => Object.values(await left()).every((count) => count === 0), 120, "an empty queue");

    // Then each confirmed one has run, exactly once
    const runs = runsById(fleet.lines("record"));
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
    await until(async () => Object.values(await left()).every((count) => count === 0), 10, "an empty queue");
  });

  test("a task that takes its process along each time becomes a dead letter with its evidence", async () => {
    const worker = fleet.worker("--pool", "processes", "--concurrency", "1");
    await worker.ready;
    const result = await app.sendTask("faults.crash", []);

    await expect(result.get({ timeout: 60 })).rejects.toMatchObject({ name: "WorkerLostError" });

    // The first run and taskMaxDeliveries repeats.
    expect(fleet.lines("record")).toHaveLength(6);
    await until(async () => (await left()).dead === 1, 10, "a dead letter");
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
