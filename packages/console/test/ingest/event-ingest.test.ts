import { currentTask, type Lovage, silentLogger } from "lovage";
import { describe, expect, onTestFinished, test } from "vitest";
import { amqpVhost } from "../../../lovage/test/support/amqp-vhost.js";
import { postgresSchema } from "../../../lovage/test/support/postgres-schema.js";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import { attemptsOf } from "../../src/server/actions/attempts.js";
import { SqlTaskStore } from "../../src/server/store/sql-task-store.js";
import { StoreError } from "../../src/server/store/store-error.js";
import type { TaskRecord } from "../../src/server/store/task-record.js";
import type { TaskBatch } from "../../src/server/store/task-store.js";
import { sqliteUrl } from "../support/console-database.js";
import { until } from "../support/until.js";
import { makeApp, publishEvents, startWorker, Watch } from "../support/watch-bench.js";

function withTasks(app: Lovage): Lovage {
  app.task("t.add", (x: number, y: number) => x + y);
  app.task("t.fail", (text: string) => {
    throw new RangeError(text);
  });
  app.task("t.flaky", { maxRetries: 3 }, (failures: number) => {
    const task = currentTask();
    if (task.retries < failures) task.retry({ countdown: 0.05, exc: new Error(`try ${task.retries}`) });
    return task.retries;
  });
  app.task("t.restless", { maxRetries: 8 }, () => {
    const task = currentTask();
    task.log.info(`run ${task.retries}`);
    if (task.retries < 8) task.retry({ countdown: 0 });
    return task.retries;
  });
  app.task("t.logs", async (_: string, { password: secret }: { password: string }) => {
    const task = currentTask();
    task.log.info(`signing in with password=${secret}`, { token: secret, page: 3 });
    await task.progress(1, 2, "half", { posts: 7 });
    return { secret };
  });
  return app;
}

/** What a broker's own tests are given: an app on it, and what is sent there is heard. */
type Place = () => Promise<Lovage>;

function describeIngest(name: string, place: Place): void {
  describe(`ingest of events on ${name}`, () => {
    const open = async (): Promise<{ app: Lovage; watch: Watch }> => {
      const app = withTasks(await place());
      const watch = await (await Watch.open(app, await sqliteUrl())).leads();
      await startWorker(app);
      return { app, watch };
    };

    test("tells all of a task that succeeds, with its exact arguments", async () => {
      const { app, watch } = await open();
      const { id } = await app.sendTask("t.add", [2, 40]);
      const record = await watch.reached(id, "SUCCESS", ({ sentMs }) => sentMs !== null);
      expect(record).toMatchObject({
        name: "t.add",
        argsJson: "[2,40]",
        kwargsJson: "{}",
        result: "42",
        resultJson: "42",
        queue: "work",
        attempt: 1,
      });
      expect(record.receivedMs).not.toBeNull();
      expect(record.startedMs).not.toBeNull();
      expect((await watch.tasks.events(id)).map(({ type }) => type).sort()).toEqual([
        "task-received",
        "task-sent",
        "task-started",
        "task-succeeded",
      ]);
      expect(watch.live.said.some(({ topic, event }) => topic === "tasks" && event === "task")).toBe(true);
    });

    test("tells of retries, try by try, and of the error that is left", async () => {
      const { app, watch } = await open();
      const flaky = await app.sendTask("t.flaky", [2]);
      const failing = await app.sendTask("t.fail", ["no user 12"]);
      expect(await watch.reached(flaky.id, "SUCCESS")).toMatchObject({ retries: 2, attempt: 3, error: null });
      const failed = await watch.reached(failing.id, "FAILURE");
      expect(failed.error).toContain("no user 12");
      expect(failed.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    });
  });
}

describeIngest("SQLite", async () => makeApp({ brokerUrl: await sqliteUrl(), resultBackend: await sqliteUrl() }));
describeWithServer("redis", "with Redis", (server) => {
  describeIngest("Redis", async () => {
    const url = `${server}?global_keyprefix=t${crypto.randomUUID()}:`;
    return makeApp({ brokerUrl: url, resultBackend: url });
  });
});
describeWithServer("postgres", "with PostgreSQL", (server) => {
  describeIngest("PostgreSQL", async () => {
    const schema = await postgresSchema(server);
    onTestFinished(() => schema.remove());
    return makeApp({ brokerUrl: schema.url, resultBackend: schema.url });
  });
});
describeWithServer("amqp", "with RabbitMQ", () => {
  describeIngest("RabbitMQ", async () => {
    const vhost = await amqpVhost();
    onTestFinished(() => vhost.remove());
    return makeApp({ brokerUrl: vhost.url, resultBackend: await sqliteUrl() });
  });
});

describe("ingest of events", () => {
  const memoryApp = (): Lovage =>
    withTasks(makeApp({ brokerUrl: "memory://", resultBackend: "memory://", resultExtended: true }));
  const open = async (app: Lovage, storeUrl?: string): Promise<Watch> =>
    (await Watch.open(app, storeUrl ?? (await sqliteUrl()))).leads();

  test("keeps no secret, wherever it stands", async () => {
    const app = memoryApp();
    const watch = await open(app);
    await startWorker(app);
    const secret = "hunter2-and-more";
    const { id } = await app.sendTask("t.logs", [
      "page",
      { password: secret, url: `https://me:${secret}@example.com/` },
    ]);
    await watch.reached(id, "SUCCESS");
    const record = await watch.ingest.makeGood(id);
    const logs = await watch.tasks.logs(id, { afterSeq: 0, limit: 10 });
    expect(logs).toHaveLength(1);
    expect(JSON.stringify([record, logs, await watch.tasks.events(id)])).not.toContain(secret);
    expect(record?.argsJson).toContain('"password":"********"');
    expect(record?.progressJson).toContain('"posts":7');
    expect(watch.live.said.filter(({ event }) => event === "log")).toHaveLength(1);
  });

  test("hides contents when the app's own redaction fails, and lets it change them", async () => {
    const app = makeApp({
      brokerUrl: "memory://",
      resultBackend: "memory://",
      redact: (task) => {
        if (task.name === "t.fail") throw new Error("a bug");
        return { ...task, args: ["gone"] };
      },
    });
    withTasks(app);
    const watch = await open(app);
    await startWorker(app);
    const failing = await app.sendTask("t.fail", ["card 4111"]);
    const adding = await app.sendTask("t.add", [4111, 1]);
    expect(
      JSON.stringify(await watch.reached(failing.id, "FAILURE").then(({ args, argsJson }) => [args, argsJson])),
    ).not.toContain("4111");
    expect(await watch.reached(adding.id, "SUCCESS")).toMatchObject({ args: "['gone']", argsJson: null });
  });

  test("hides by the task's name what it gave too, and what the result backend keeps of it", async () => {
    const secret = "4111-1111";
    const app = makeApp({
      brokerUrl: "memory://",
      resultBackend: "memory://",
      resultExtended: true,
      redact: (task) => (task.name === "t.pay" ? { ...task, args: [], kwargs: {}, result: "paid" } : task),
    });
    withTasks(app);
    app.task("t.pay", (card: string) => `paid with ${card}`);
    const watch = await open(app);
    await startWorker(app);
    const paying = await app.sendTask("t.pay", [secret]);
    const adding = await app.sendTask("t.add", [1, 2]);
    expect(await watch.reached(paying.id, "SUCCESS")).toMatchObject({ result: "paid", resultJson: null });
    expect(await watch.reached(adding.id, "SUCCESS")).toMatchObject({
      result: "3",
      resultJson: "3",
      argsJson: "[1,2]",
    });
    // As a page asks for it: by its id alone.
    await watch.ingest.learn(paying.id, {
      resultJson: `"paid with ${secret}"`,
      argsJson: `["${secret}"]`,
      kwargsJson: "{}",
    });
    const record = await watch.ingest.makeGood(paying.id);
    expect(JSON.stringify([record, await watch.tasks.events(paying.id)])).not.toContain(secret);
    // A task that nobody has named: the app cannot tell what to hide of it.
    await publishEvents(app, {
      type: "task-succeeded",
      hostname: "x@y",
      timestamp: Date.now() / 1000,
      uuid: "nameless",
      result: `'${secret}'`,
      runtime: 1,
    });
    expect((await watch.reached("nameless", "SUCCESS")).result).toMatch(/^hidden/);
  });

  test("goes on, whatever strangers send", async () => {
    const app = memoryApp();
    const watch = await open(app);
    const deep = JSON.parse(`${'{"a":'.repeat(400)}1${"}".repeat(400)}`);
    const event = (members: object): object => ({
      type: "task-received",
      hostname: "x@y",
      timestamp: Date.now() / 1000,
      clock: 1,
      uuid: "h1",
      name: "h",
      ...members,
    });
    await publishEvents(app, [
      ...[null, 1, "x", [], {}, { type: 1 }, { type: "task-received" }, { type: "task-received", uuid: {} }],
      ...[event({ uuid: "" }), event({ uuid: "x".repeat(1e5) }), event({ uuid: "nul\0id", name: "\0\ud800" })],
      event({
        args: "a".repeat(2e6),
        kwargs: deep,
        eta: "not a date",
        retries: 1e300,
        clock: -1e308,
        timestamp: 1e300,
      }),
      event({ lovage: { args: [deep], kwargs: deep, size: "big", stamps: deep, queue: 7 } }),
      event({ type: "task-failed", exception: { a: 1 }, traceback: 7, ["__proto__"]: { polluted: true } }),
      event({ type: "task-log", message: "m".repeat(1e6), fields: deep, level: "shout" }),
      event({ type: "task-progress", current: "1e999", counters: deep }),
      event({ type: `task-${"z".repeat(5000)}` }),
      event({ type: "worker-heartbeat", freq: -1, hostname: "h".repeat(1e5) }),
      ...Array.from({ length: 3000 }, (_, i) => event({ uuid: `many-${i}`, name: `made.up.${i}` })),
    ]);
    await publishEvents(app, event({ uuid: "last" }));
    await watch.reached("last", "RECEIVED");
    expect(await watch.reached("many-2999", "RECEIVED")).toMatchObject({ name: "made.up.2999" });
    expect(Object.hasOwn({}, "polluted")).toBe(false);
    expect((await watch.tasks.get("h1"))?.args?.length).toBeLessThanOrEqual(8192);
  });

  test("keeps what it can while the store is away, and says what it could not", async () => {
    const app = memoryApp();
    const storeUrl = await sqliteUrl();
    const watch = await Watch.open(app, storeUrl, { inboxLimits: { count: 20, characters: 1e6 } });
    await watch.leads();
    let away = true;
    refuseSome(watch, () => (away ? new StoreError("the disk is full") : undefined));
    await publishEvents(app, received("first"));
    await until(() => watch.ingest.status.lag !== null && watch.ingest.status.lag > 0.3);
    await publishEvents(
      app,
      Array.from({ length: 50 }, (_, i) => received(`e${i}`)),
    );
    await until(() => watch.ingest.status.dropped === 30);
    await expect(watch.ingest.learn("first", { name: "x" })).rejects.toThrow(StoreError);
    away = false;
    await watch.reached("first", "RECEIVED");
    await watch.reached("e49", "RECEIVED");
    expect(await watch.tasks.get("e0")).toBeUndefined();
    expect(watch.ingest.status.gaps[0]?.reason).toContain("more events came");
  });

  test("writes the others of a batch when the store refuses one", async () => {
    const app = memoryApp();
    const watch = await open(app);
    const isPoison = ({ id }: TaskRecord): boolean => id === "poison";
    refuseSome(watch, ({ records }) => (records.some(isPoison) ? new TypeError("cannot be written") : undefined));
    await publishEvents(app, ["a", "poison", "b"].map(received));
    await watch.reached("a", "RECEIVED");
    await watch.reached("b", "RECEIVED");
  });

  test("remembers over a restart what was missed, and makes it good", async () => {
    const app = memoryApp();
    const storeUrl = await sqliteUrl();
    const first = await open(app, storeUrl);
    const { id } = await app.sendTask("t.add", [1, 2]);
    await first.reached(id, "PENDING");
    await first.close();
    const worker = await startWorker(app);
    await app.asyncResult(id).get({ timeout: 10 });
    await worker.stop();
    // More than what counts as unbroken hearing: the gap is what this is about.
    await new Promise((resolve) => setTimeout(resolve, 3100));
    const second = await open(app, storeUrl);
    expect(second.ingest.status.gaps[0]?.reason).toBe("no console was listening");
    await second.lost.look();
    expect(await second.tasks.get(id)).toMatchObject({ state: "SUCCESS", result: "3", argsJson: "[1,2]" });
  });

  test("is done by one console of a store; another goes on from where it stopped", async () => {
    const app = memoryApp();
    const storeUrl = await sqliteUrl();
    const first = await open(app, storeUrl);
    const second = await Watch.open(app, storeUrl);
    await startWorker(app);
    const one = await app.sendTask("t.add", [1, 1]);
    await first.reached(one.id, "SUCCESS");
    await until(() => second.live.said.some(({ topic, event }) => topic === "tasks" && event === "task"));
    expect([first.ingest.status.leader, second.ingest.status.leader]).toEqual([true, false]);
    await second.ingest.learn(one.id, { schedule: "nightly" });
    await until(async () => (await first.tasks.get(one.id))?.schedule === "nightly");
    await first.close();
    await second.leads();
    const two = await app.sendTask("t.add", [2, 2]);
    await second.reached(two.id, "SUCCESS");
    expect((await second.tasks.get(one.id))?.schedule).toBe("nightly");
  });

  test("files what is told of retries under the right try, however fast they follow each other", async () => {
    const app = memoryApp();
    const watch = await open(app);
    await startWorker(app);
    const sent = await Promise.all(Array.from({ length: 20 }, () => app.sendTask("t.restless")));
    for (const { id } of sent) {
      const record = await watch.reached(id, "SUCCESS");
      expect(record).toMatchObject({ retries: 8, attempt: 9 });
      const attempts = attemptsOf(await watch.tasks.events(id), record.state);
      expect(attempts.map(({ number, state }) => [number, state])).toEqual(
        Array.from({ length: 9 }, (_, index) => [index + 1, index === 8 ? "SUCCESS" : "RETRY"]),
      );
      for (const { received, started, ended } of attempts) expect([received, started, ended]).not.toContain(null);
      const logs = await watch.tasks.logs(id, { afterSeq: 0, limit: 100 });
      expect(logs.map(({ attempt, message }) => `${attempt}: ${message}`)).toEqual(
        Array.from({ length: 9 }, (_, index) => `${index + 1}: run ${index}`),
      );
    }
  });

  test("stops at the limit of a task's log", async () => {
    const app = memoryApp();
    const watch = await Watch.open(app, await sqliteUrl(), { logBytesPerTask: () => 100, logger: silentLogger });
    await watch.leads();
    const line = (message: string): object => ({
      type: "task-log",
      hostname: "x@y",
      timestamp: Date.now() / 1000,
      uuid: "l1",
      name: "n",
      level: "info",
      message,
      fields: {},
    });
    await publishEvents(app, [line("a".repeat(50)), line("b".repeat(60)), line("c")]);
    await until(async () => (await watch.tasks.get("l1"))?.logsCut === true);
    expect(await watch.tasks.logs("l1", { afterSeq: 0, limit: 10 })).toHaveLength(1);
  });

  test("fills the series", async () => {
    const app = memoryApp();
    const watch = await open(app);
    await startWorker(app);
    const sent = await Promise.all([
      app.sendTask("t.add", [1, 1]),
      app.sendTask("t.add", [1, 2]),
      app.sendTask("t.fail", ["x"]),
    ]);
    await Promise.all(
      sent.map(async ({ id }) => until(async () => ((await watch.tasks.get(id))?.finishedMs ?? null) !== null)),
    );
    const range = { fromMs: Date.now() - 60_000, toMs: Date.now() + 60_000, stepMs: 60_000, as: "sum" } as const;
    const total = async (metric: string, of: string): Promise<number> =>
      ((await watch.series.read({ metric, label: of, ...range })).get(of) ?? []).reduce(
        (sum: number, each) => sum + (each ?? 0),
        0,
      );
    expect(await total("finished", "state:SUCCESS")).toBe(2);
    expect(await total("finished", "state:FAILURE|task:t.fail")).toBe(1);
    expect([await total("ended", ""), await total("failed", ""), await total("ended", "queue:work")]).toEqual([
      3, 1, 3,
    ]);
    const waits = await watch.series.read({ metric: "wait", label: "", ...range, as: "count" });
    expect((waits.get("") ?? []).reduce((sum: number, each) => sum + (each ?? 0), 0)).toBe(3);
  });
});

/** An event as a stranger's worker would send it. */
function received(uuid: string): object {
  return { type: "task-received", hostname: "x@y", timestamp: Date.now() / 1000, clock: 1, uuid, name: "n" };
}

/** Has the store refuse batches: those for which there is an error. */
function refuseSome({ tasks }: Watch, errorFor: (batch: TaskBatch) => Error | undefined): void {
  const put = SqlTaskStore.prototype.put;
  tasks.put = async (batch) => {
    const error = errorFor(batch);
    if (error) throw error;
    return await put.call(tasks, batch);
  };
}
