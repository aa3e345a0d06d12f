import { hostname } from "node:os";
import { currentTask } from "lovage";
import { expect, test } from "vitest";
import { IngestLease, LEASE_SECONDS, processSpace } from "../../src/server/ingest/ingest-lease.js";
import type { Database } from "../../src/server/store/database.js";
import { StoreError } from "../../src/server/store/store-error.js";
import { describeDatabases } from "../support/console-database.js";
import { until } from "../support/until.js";
import { makeApp, publishEvents, startWorker, Watch } from "../support/watch-bench.js";

/** Hands on the clock of one console, in seconds: no two need agree. */
class HeldClock {
  now: number;
  constructor(now: number) {
    this.now = now;
  }
  readonly monotonic = (): number => this.now;
}

interface ConsoleOptions {
  readonly owner: string;
  readonly clock: HeldClock;
  readonly isAlive?: (pid: number) => boolean;
}

async function lease(database: Database, { owner, clock, isAlive }: ConsoleOptions): Promise<IngestLease> {
  const made = new IngestLease({ database, owner, monotonic: clock.monotonic, ...(isAlive && { isAlive }) });
  await made.prepare();
  return made;
}

/** A console on another host: whether its process lives nobody here can tell. */
const elsewhere = (name: string): string => `7@${name}.example/1/${name}`;

describeDatabases("the lease of ingestion", (place) => {
  test("is held by one console, however many ask together", async () => {
    const { open } = await place();
    const databases = await Promise.all([open(), open(), open()]);
    const leases = await Promise.all(
      databases.map((database, at) => lease(database, { owner: elsewhere(`c${at}`), clock: new HeldClock(at * 100) })),
    );
    const answers = await Promise.all(leases.map((each) => each.ask(1)));
    expect(answers.filter(({ held }) => held)).toHaveLength(1);
    const again = await Promise.all(leases.map((each) => each.ask(2)));
    expect(again.map(({ held }) => held)).toEqual(answers.map(({ held }) => held));
  });

  test("is not taken from a holder who gives signs of life, whatever the clocks say", async () => {
    const database = await (await place()).open();
    const holder = await lease(database, { owner: elsewhere("a"), clock: new HeldClock(5) });
    const clock = new HeldClock(1_000_000);
    const standby = await lease(database, { owner: elsewhere("b"), clock });
    expect(await holder.ask(100)).toEqual({ held: true, heardMs: undefined });
    for (let beat = 1; beat <= 5; beat += 1) {
      await holder.ask(100 + beat);
      clock.now += LEASE_SECONDS - 1;
      expect(await standby.ask(0)).toEqual({ held: false, heardMs: 100 + beat });
    }
  });

  test("is taken over when the holder is silent, who then learns of it and what was written until then", async () => {
    const database = await (await place()).open();
    const first = new HeldClock(5);
    const holder = await lease(database, { owner: elsewhere("a"), clock: first });
    const clock = new HeldClock(50);
    const standby = await lease(database, { owner: elsewhere("b"), clock });
    await holder.ask(100);
    await holder.ask(170);
    expect((await standby.ask(0)).held).toBe(false);
    clock.now += LEASE_SECONDS - 0.1;
    expect((await standby.ask(0)).held).toBe(false);
    first.now += LEASE_SECONDS - 0.1;
    // Before another can have it, the holder knows that it may no longer be his.
    expect(holder.isFresh).toBe(false);
    clock.now += 0.1;
    expect(await standby.ask(0)).toEqual({ held: true, heardMs: 170 });
    expect(standby.isFresh).toBe(true);
    expect((await holder.ask(200)).held).toBe(false);
    expect((await standby.ask(210)).held).toBe(true);
  });

  test("is handed on at once by who gives it up, and by no other", async () => {
    const database = await (await place()).open();
    const holder = await lease(database, { owner: elsewhere("a"), clock: new HeldClock(0) });
    const standby = await lease(database, { owner: elsewhere("b"), clock: new HeldClock(0) });
    await holder.ask(100);
    await standby.release(5);
    expect((await standby.ask(0)).held).toBe(false);
    await holder.release(150);
    expect(holder.isFresh).toBe(false);
    expect(await standby.ask(0)).toEqual({ held: true, heardMs: 150 });
  });

  test("is taken at once from a process of this host that is gone, and from the one that had this process's id", async () => {
    const database = await (await place()).open();
    const clock = new HeldClock(0);
    const next = await lease(database, { owner: elsewhere("next"), clock, isAlive: (pid) => pid === 4712 });
    for (const [owner, taken] of [
      [`4711@${processSpace()}/1/x`, true],
      [`4712@${processSpace()}/1/x`, false],
      [`${process.pid}@${processSpace()}/1/x`, true],
      [`${process.pid}@${processSpace()}/${Math.floor(performance.timeOrigin)}/x`, false],
      // Of a container beside this one, under the same host's name: its processes are not seen here.
      [`4711@${processSpace()}.other/1/x`, false],
      [`${process.pid}@${hostname()} another boot/1/x`, false],
    ] as const) {
      await database.write([{ sql: "DELETE FROM ingest_lease" }]);
      await (await lease(database, { owner, clock })).ask(1);
      expect((await next.ask(0)).held, owner).toBe(taken);
    }
  });
});

describeDatabases("two consoles on one store", (place) => {
  test("write each event once, also those that came while the one that wrote was lost", async () => {
    const { url } = await place();
    const app = makeApp({ brokerUrl: "memory://", resultBackend: "memory://" });
    app.task("t.add", (x: number, y: number) => {
      for (const line of ["adding", "adding", "added"]) currentTask().log.info(line);
      return x + y;
    });
    const first = await (await Watch.open(app, url)).leads();
    const second = await Watch.open(app, url);
    const told: string[] = [];
    second.ingest.onEvent(({ type, fields }) => told.push(`${type} ${String(fields.uuid)}`));
    await startWorker(app);
    const before = await app.sendTask("t.add", [1, 1]);
    await first.reached(before.id, "SUCCESS", ({ sentMs }) => sentMs !== null);
    expect(second.ingest.status.leader).toBe(false);

    // As a machine that loses its network: no word to anybody.
    await first.database.close();
    const between = await app.sendTask("t.add", [2, 2]);
    await until(() => second.ingest.status.leader);
    const after = await app.sendTask("t.add", [3, 3]);
    for (const { id } of [between, after]) {
      await second.reached(id, "SUCCESS", ({ sentMs }) => sentMs !== null);
    }
    for (const { id } of [before, between, after]) {
      const once = ["task-received", "task-sent", "task-started", "task-succeeded"];
      expect((await second.tasks.events(id)).map(({ type }) => type).sort(), id).toEqual(once);
      expect(
        (await second.tasks.logs(id, { afterSeq: 0, limit: 10 })).map(({ message }) => message),
        id,
      ).toEqual(["adding", "adding", "added"]);
      const counted = told.filter((each) => each.endsWith(id) && !each.startsWith("task-log"));
      expect(counted.sort(), id).toEqual(once.map((type) => `${type} ${id}`));
    }
    expect(second.ingest.status.gaps).toEqual([]);
  });

  test("do not undo what the other wrote, when one finds its way back that could not write for long", async () => {
    const { url } = await place();
    const app = makeApp({ brokerUrl: "memory://", resultBackend: "memory://" });
    const first = await (await Watch.open(app, url)).leads();
    const second = await Watch.open(app, url);
    const event = (type: string, atMs: number): object => ({
      type,
      hostname: "x@y",
      timestamp: atMs / 1000,
      clock: 1,
      uuid: "t1",
      name: "n",
    });
    const put = first.tasks.put.bind(first.tasks);
    let [away, tries] = [true, 0];
    first.tasks.put = async (...args) => {
      tries += 1;
      if (away) throw new StoreError("the network is gone");
      return await put(...args);
    };
    const nowMs = Date.now();
    await publishEvents(app, [event("task-received", nowMs), event("task-started", nowMs + 1)]);
    await until(() => tries > 0);
    const held = await first.database.get({ sql: "SELECT owner FROM ingest_lease" });
    await until(async () => {
      await second.database.write([
        { sql: "UPDATE ingest_lease SET owner = '' WHERE owner = ?", values: [held?.owner ?? null] },
      ]);
      return second.ingest.status.leader;
    });
    await publishEvents(app, event("task-succeeded", nowMs + 2));
    await second.reached("t1", "SUCCESS");
    const written = await second.tasks.get("t1");
    away = false;
    await until(() => !first.ingest.status.leader);
    await until(() => first.live.said.some(({ topic }) => topic === "task:t1"));
    expect(await second.tasks.get("t1")).toEqual(written);
    expect((await second.tasks.events("t1")).map(({ type }) => type)).toEqual([
      "task-received",
      "task-started",
      "task-succeeded",
    ]);
    // What it finds out from now on reaches the other.
    await first.ingest.learn("t1", { schedule: "nightly" });
    await second.reached("t1", "SUCCESS", ({ schedule }) => schedule === "nightly");
  });

  test("both count each task that ends, and show its log, also the one that reads what the other has written already", async () => {
    const { url } = await place();
    const app = makeApp({ brokerUrl: "memory://", resultBackend: "memory://" });
    app.task("t.say", () => currentTask().log.info("said"));
    const first = await (await Watch.open(app, url)).leads();
    const second = await Watch.open(app, url);
    const ended: string[] = [];
    second.ingest.onEvent(({ before, after }) => {
      if (after?.state === "SUCCESS" && before?.state !== "SUCCESS") ended.push(after.id);
    });
    const getMany = second.tasks.getMany.bind(second.tasks);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    second.tasks.getMany = async (ids) => {
      await released;
      return await getMany(ids);
    };
    await startWorker(app);
    const sent = await Promise.all(Array.from({ length: 10 }, () => app.sendTask("t.say")));
    for (const { id } of sent) await first.reached(id, "SUCCESS", ({ sentMs }) => sentMs !== null);
    release();
    const later = await Promise.all(Array.from({ length: 10 }, () => app.sendTask("t.say")));
    const ids = [...sent, ...later].map(({ id }) => id).sort();
    await until(() => ended.length >= ids.length);
    expect(ended.sort()).toEqual(ids);
    const lines = (watch: Watch): string[] =>
      watch.live.said.flatMap(({ topic, event }) => (event === "log" ? [topic.slice("log:".length)] : []));
    await until(() => lines(second).length >= ids.length);
    expect(lines(second).sort()).toEqual(ids);
    expect(lines(first).sort()).toEqual(ids);
  });
});
