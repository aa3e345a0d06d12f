import { hostname } from "node:os";
import type { Lovage } from "lovage";
import { encodeBody } from "lovage/internal";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { claimRedisDatabase } from "../../../../test/interop/support/servers.js";
import { amqpVhost } from "../../../lovage/test/support/amqp-vhost.js";
import type { User } from "../../src/server/route.js";
import { sqliteUrl } from "../support/console-database.js";
import { until } from "../support/until.js";
import { makeApp, publishEvents, startPythonWorker, startWorker, Watch } from "../support/watch-bench.js";

const ANNA: User = { name: "anna", role: "admin", seesPayloads: true, via: "page", address: "::1" };

/** A whole Redis database: kombu 5.2 has bugs with prefixes. */
async function redisDatabase(): Promise<string> {
  const claim = await claimRedisDatabase(process.env.LOVAGE_TEST_REDIS ?? "");
  onTestFinished(() => claim.release());
  return claim.url;
}

function memoryApp(): Lovage {
  const app = makeApp({ brokerUrl: "memory://", resultBackend: "memory://", workerSendTaskEvents: false });
  app.task("t.add", { rateLimit: "100/m" }, (x: number, y: number) => x + y);
  return app;
}

const NAME = `w1@${hostname()}`;

/** A remote control request as it is on the wire. */
const ControlRequest = z.object({
  method: z.string(),
  destination: z.array(z.string()).nullable(),
  ticket: z.string(),
  reply_to: z.object({ routing_key: z.string() }),
});

describe("the fleet", () => {
  test("learns of a worker by its heartbeat, asks it, and switches its events on", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    const changes: string[] = [];
    watch.fleet.onChange(({ name }, change) => changes.push(`${name} ${change}`));
    await startWorker(app);
    await until(() => watch.fleet.get(NAME)?.events === true);
    expect(watch.fleet.get(NAME)).toMatchObject({
      kind: "lovage",
      status: "online",
      pool: "solo",
      slots: 1,
      queues: ["work"],
      clockSkew: 0,
    });
    expect(changes).toContain(`${NAME} online`);
    const detail = await watch.fleet.detail(NAME, { maxAge: 0 });
    expect(detail?.history.map(({ what, by }) => [what, by])).toEqual([
      ["enable_events", "console"],
      ["online", null],
    ]);
    expect(detail?.registered).toEqual(["t.add"]);
    expect(detail?.limits).toEqual([
      { task: "t.add", rateLimit: "100/m", softTimeLimit: null, timeLimit: null, origin: "task" },
    ]);
    expect(detail?.settings[0]).toMatchObject({ isDefault: false });
    expect(detail?.slotsList).toHaveLength(1);
    expect(detail?.unanswered).toEqual([]);
    expect(detail?.controls.grow).toEqual({ possible: false, reason: "pool solo cannot change its size" });
    expect(watch.fleet.registered().get("t.add")).toEqual([{ worker: NAME, kind: "lovage" }]);
    expect(Object.keys(watch.fleet.replies(NAME)?.replies ?? {}).sort()).toEqual(
      ["active", "active_queues", "conf", "registered", "reserved", "revoked", "scheduled", "stats"].sort(),
    );
  });

  test("is in a worker's history once, however many consoles see it come and go", async () => {
    const app = memoryApp();
    const storeUrl = await sqliteUrl();
    const first = await (await Watch.open(app, storeUrl)).leads();
    const second = await Watch.open(app, storeUrl);
    const statuses = async (): Promise<readonly string[]> =>
      ((await second.fleet.detail(NAME, { maxAge: 60 }))?.history ?? [])
        .filter(({ by }) => by === null)
        .map(({ what }) => what);
    const worker = await startWorker(app);
    for (const { fleet } of [first, second]) await until(() => fleet.get(NAME)?.status === "online");
    await until(async () => (await statuses()).length > 0);
    await worker.stop();
    for (const { fleet } of [first, second]) await until(() => fleet.get(NAME)?.status !== "online");
    await until(async () => (await statuses()).length > 1);
    // It noticed the same, and writes from now on.
    await first.close();
    await second.leads();
    await startWorker(app);
    await until(async () => (await statuses()).length > 2);
    const noted = await statuses();
    expect(noted.filter((status, at) => status === noted[at + 1])).toEqual([]);
  });

  test("counts what a worker did, and how long it took", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    await startWorker(app);
    await until(() => watch.fleet.get(NAME)?.events === true);
    const { id } = await app.sendTask("t.add", [1, 2]);
    await watch.reached(id, "SUCCESS");
    expect(watch.fleet.get(NAME)?.succeeded).toBe(1);
    expect((await watch.fleet.detail(NAME, { maxAge: 60 }))?.runtimes).toMatchObject([{ task: "t.add", count: 1 }]);
  });

  test("gives each worker's own words, and who did not answer", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    await startWorker(app);
    await until(() => watch.fleet.get(NAME)?.status === "online");
    await publishEvents(
      app,
      { type: "worker-heartbeat", hostname: "ghost@x", timestamp: Date.now() / 1000, freq: 2 },
      "worker.heartbeat",
    );
    await until(() => watch.fleet.get("ghost@x")?.status === "online");
    const order = (method: string, args: object, destination?: readonly string[]) =>
      watch.fleet.control(method, { ...args }, { by: ANNA, ...(destination && { destination }) });
    expect(await order("pool_grow", { n: 2 }, [NAME])).toMatchObject([{ target: NAME, outcome: "refused" }]);
    const added = await order("add_consumer", { queue: "extra" });
    expect(added).toContainEqual({ target: NAME, outcome: "done", detail: "add consumer extra" });
    expect(added).toContainEqual({ target: "ghost@x", outcome: "no-answer", detail: "no answer within 1 s" });
    expect(await order("ping", {}, ["nobody@x"])).toEqual([
      { target: "nobody@x", outcome: "skipped", detail: "no worker of this name is known" },
    ]);
    await until(() => watch.fleet.get(NAME)?.queues.includes("extra") === true);
    expect((await watch.fleet.detail(NAME, { maxAge: 60 }))?.history[0]).toMatchObject({
      what: "add_consumer queue=extra",
      by: "anna",
    });
  });

  test("gives an order for all to whoever is on the broker, be it heard of or late with its heartbeat", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    await startWorker(app);
    const beat = { type: "worker-heartbeat", hostname: "late@x", timestamp: Date.now() / 1000, freq: 0.2 };
    await publishEvents(app, beat, "worker.heartbeat");
    await until(() => watch.fleet.get("late@x")?.status === "silent" && watch.fleet.get(NAME)?.status === "online");
    const asked: unknown[] = [];
    const { broadcast } = await app.direct.broker();
    const stranger = await broadcast.subscribe("control", "", (message) => {
      const { method, destination, ticket, reply_to } = ControlRequest.parse(
        JSON.parse(Buffer.from(message.body).toString()),
      );
      if (method !== "revoke") return;
      asked.push(destination);
      const reply = encodeBody({ "new@x": { ok: "flagged" } }, { place: "reply", typedValues: false });
      void broadcast.publish("replies", reply_to.routing_key, { headers: { ticket }, properties: {}, ...reply });
    });
    onTestFinished(() => stranger.cancel());

    const outcomes = await watch.fleet.control("revoke", { task_id: ["t1"], terminate: false }, { by: ANNA });

    expect(asked).toEqual([null]);
    expect(outcomes.map(({ target, outcome }) => [target, outcome])).toEqual(
      expect.arrayContaining([
        [NAME, "done"],
        ["late@x", "no-answer"],
        ["new@x", "done"],
      ]),
    );
  });

  test("counts a worker as gone once it says so, though it answered questions a moment before", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    const worker = await startWorker(app);
    await until(() => watch.fleet.get(NAME)?.pool === "solo");
    // Its answers are in by the second one's, and are kept until all had the time to answer.
    const asked = watch.fleet.refresh();
    await watch.fleet.control("ping", {}, { destination: [NAME], by: ANNA });
    await worker.stop();
    await until(() => watch.fleet.get(NAME)?.status === "offline");
    await asked;
    expect(watch.fleet.get(NAME)?.status).toBe("offline");
  });

  test("leaves a worker gone when a beat comes late that it sent before it went", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    const sent = Date.now() / 1000;
    const say = (type: string, timestamp: number): object => ({ type, hostname: "ghost@x", timestamp, freq: 60 });
    await publishEvents(app, [say("worker-online", sent - 3), say("worker-offline", sent)]);
    await until(() => watch.fleet.get("ghost@x")?.status === "offline");
    await publishEvents(app, [
      say("worker-heartbeat", sent - 1),
      { ...say("worker-online", sent), hostname: "next@x" },
    ]);
    await until(() => watch.fleet.get("next@x")?.status === "online");
    expect(watch.fleet.get("ghost@x")?.status).toBe("offline");
    await publishEvents(app, [say("worker-heartbeat", sent + 1)]);
    await until(() => watch.fleet.get("ghost@x")?.status === "online");
  });

  test("counts all that a worker has reserved, though it keeps a part of the list", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    const { broadcast } = await app.direct.broker();
    const tasks = Array.from({ length: 1500 }, (_, n) => ({ id: `t${n}`, name: "t.add", args: [], kwargs: {} }));
    const worker = await broadcast.subscribe("control", "", (message) => {
      const { method, ticket, reply_to } = ControlRequest.parse(JSON.parse(Buffer.from(message.body).toString()));
      const answer = method === "reserved" ? tasks : method === "stats" ? { pid: 1 } : [];
      const reply = encodeBody({ "busy@x": answer }, { place: "reply", typedValues: false });
      void broadcast.publish("replies", reply_to.routing_key, { headers: { ticket }, properties: {}, ...reply });
    });
    onTestFinished(() => worker.cancel());
    await watch.fleet.refresh();
    expect(watch.fleet.get("busy@x")).toMatchObject({ reserved: 1500, active: 0 });
    expect((await watch.fleet.detail("busy@x", { maxAge: 60 }))?.reservedTasks).toHaveLength(1000);
  });

  test("shows nothing from before an order once that is answered, though workers were being asked meanwhile", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    await startWorker(app);
    await until(() => watch.fleet.get(NAME)?.events === true);
    await watch.fleet.detail(NAME, { maxAge: 0 });

    // Everybody is asked, so it waits for the whole second; the worker answers at once, before the order.
    const askedBefore = watch.fleet.refresh();
    const told = await watch.fleet.control("add_consumer", { queue: "extra" }, { destination: [NAME], by: ANNA });
    expect(told).toMatchObject([{ outcome: "done" }]);
    const detail = await watch.fleet.detail(NAME, { maxAge: 60 });
    expect(detail?.queues).toContain("extra");
    await askedBefore;
    expect(watch.fleet.get(NAME)?.queues).toContain("extra");
    expect((await watch.fleet.detail(NAME, { maxAge: 60 }))?.unanswered).toEqual([]);
  });

  test("knows workers over a restart, as last seen, and forgets them when told", async () => {
    const app = memoryApp();
    const storeUrl = await sqliteUrl();
    const first = await (await Watch.open(app, storeUrl)).leads();
    const worker = await startWorker(app);
    await until(() => first.fleet.get(NAME)?.queues.length === 1);
    expect(await first.fleet.forget(NAME)).toBe(false);
    await worker.stop();
    await until(() => first.fleet.get(NAME)?.status === "offline");
    await first.close();
    const second = await Watch.open(app, storeUrl);
    await until(() => second.fleet.get(NAME) !== undefined);
    expect(second.fleet.get(NAME)).toMatchObject({ status: "offline", pool: "solo", queues: ["work"] });
    expect([second.fleet.list().length, second.fleet.list({ offline: true }).length]).toEqual([0, 1]);
    expect((await second.fleet.detail(NAME, { maxAge: 0 }))?.controls.ping).toEqual({
      possible: false,
      reason: "it is offline",
    });
    expect(await second.fleet.forget(NAME)).toBe(true);
    expect(second.fleet.get(NAME)).toBeUndefined();
    expect(second.live.said).toContainEqual({ topic: "workers", event: "worker", data: { name: NAME, gone: true } });
  });

  test("calls a worker silent when its heartbeats stop, and keeps to its bounds when names are made up", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    const beat = (name: string): object => ({
      type: "worker-heartbeat",
      hostname: name,
      timestamp: Date.now() / 1000,
      freq: 0.2,
    });
    await publishEvents(app, [beat("ghost@x"), ...Array.from({ length: 6000 }, (_, i) => beat(`w${i}@x`))]);
    await until(() => watch.fleet.get("ghost@x")?.status === "silent");
    expect(watch.fleet.list({ offline: true }).length).toBeLessThanOrEqual(5000);
  });
});

describe("lost tasks", () => {
  const at = (): number => Date.now() / 1000;
  test("are found when a worker falls silent, and taken back by later news", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    await watch.lost.start();
    const event = (type: string, members: object = {}): object => ({
      type,
      hostname: "ghost@x",
      timestamp: at() - 10,
      clock: 1,
      uuid: "l1",
      name: "t",
      ...members,
    });
    await publishEvents(app, [
      { type: "worker-heartbeat", hostname: "ghost@x", timestamp: at(), freq: 0.2 },
      event("task-received"),
      event("task-started"),
    ]);
    await watch.reached("l1", "LOST");
    expect((await watch.tasks.events("l1")).at(-1)?.type).toBe("task-lost");
    await publishEvents(app, [event("task-succeeded", { result: "1", runtime: 2 })]);
    expect(await watch.reached("l1", "SUCCESS")).toMatchObject({ worker: "ghost@x" });
  });

  test("are found when their worker denies them, and their end is made good where the result backend knows it", async () => {
    const app = memoryApp();
    const watch = await (await Watch.open(app, await sqliteUrl())).leads();
    await startWorker(app);
    await until(() => watch.fleet.get(NAME)?.status === "online");
    const { id } = await app.sendTask("t.add", [1, 2]);
    await app.asyncResult(id).get({ timeout: 10 });
    const started = (uuid: string): object => ({
      type: "task-started",
      hostname: NAME,
      timestamp: at() - 60,
      clock: 1,
      uuid,
    });
    await publishEvents(app, [started(id), started("never-there")]);
    await watch.lost.start();
    await watch.reached("never-there", "LOST");
    expect(await watch.reached(id, "SUCCESS")).toMatchObject({ result: "3" });
  });
});

function describePython(
  name: string,
  place: () => Promise<{ readonly brokerUrl: string; readonly resultUrl: string }>,
): void {
  const python = process.env.LOVAGE_TEST_PYTHON;
  describe.skipIf(!python)(`a Python worker on ${name}`, () => {
    test("is watched as ours are: events on, figures, ends, retries, controls, and its death", async () => {
      const { brokerUrl, resultUrl } = await place();
      const app = makeApp({ brokerUrl, resultBackend: resultUrl });
      const watch = await (await Watch.open(app, await sqliteUrl())).leads();
      const worker = await startPythonWorker(
        python ?? "",
        { brokerUrl, resultUrl, settings: { result_extended: true } },
        ["-c", "2"],
      );
      await until(() => watch.fleet.get(worker.name)?.events === true);
      expect(watch.fleet.get(worker.name)).toMatchObject({
        kind: "celery",
        pool: "prefork",
        slots: 2,
        queues: ["py"],
        status: "online",
      });
      const send = (task: string, args: readonly unknown[]) => app.sendTask(task, args, { queue: "py" });
      const added = await send("py.add", [1, 2]);
      const failed = await send("py.fail", ["token=abc123"]);
      const flaky = await send("py.flaky", [1]);
      expect(await watch.reached(added.id, "SUCCESS")).toMatchObject({ result: "3", worker: worker.name });
      // The sender tells of it in batches, which may come after the worker's own words.
      await until(async () => (await watch.tasks.get(added.id))?.queue === "py");
      expect(await watch.reached(failed.id, "FAILURE")).toMatchObject({ error: "ValueError('token=********')" });
      expect(await watch.reached(flaky.id, "SUCCESS")).toMatchObject({ retries: 1, attempt: 2 });
      expect(await watch.ingest.makeGood(added.id)).toMatchObject({ state: "SUCCESS", argsJson: "[1,2]" });
      const detail = await watch.fleet.detail(worker.name, { maxAge: 0 });
      expect(detail?.registered).toContain("py.add");
      expect(detail?.controls.grow.possible).toBe(true);
      expect(detail?.controls.stop.possible).toBe(false);
      const grown = await watch.fleet.control("pool_grow", { n: 1 }, { destination: [worker.name], by: ANNA });
      expect(grown).toEqual([{ target: worker.name, outcome: "done", detail: "pool will grow" }]);
      await until(() => watch.fleet.get(worker.name)?.slots === 3);
      const hanging = await send("py.wait", ["/nowhere/at/all"]);
      await watch.reached(hanging.id, "STARTED");
      await watch.lost.start();
      await worker.kill();
      await until(() => watch.fleet.get(worker.name)?.status === "silent");
      await watch.reached(hanging.id, "LOST");
    });
  });
}

if (process.env.LOVAGE_TEST_REDIS) {
  describePython("Redis", async () => {
    const url = await redisDatabase();
    return { brokerUrl: url, resultUrl: url };
  });
}
if (process.env.LOVAGE_TEST_AMQP && process.env.LOVAGE_TEST_REDIS) {
  describePython("RabbitMQ", async () => {
    const vhost = await amqpVhost();
    onTestFinished(() => vhost.remove());
    return { brokerUrl: vhost.url, resultUrl: await redisDatabase() };
  });
}
