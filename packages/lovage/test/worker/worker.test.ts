import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Broker, QueueCounts } from "../../src/brokers/broker.js";
import { DeadLetters } from "../../src/dead-letters.js";
import {
  TaskFailedError,
  TaskRevokedError,
  TimeLimitExceeded,
  ValidationError,
  WorkerLostError,
} from "../../src/errors.js";
import type { AsyncResult, Lovage } from "../../src/index.js";
import { decodeEvents } from "../../src/protocol/events.js";
import { isReady } from "../../src/protocol/states.js";
import { Worker } from "../../src/worker/index.js";

const TASKS = fileURLToPath(new URL("../support/worker-tasks.ts", import.meta.url));

type Tasks = typeof import("../support/worker-tasks.js");

let folder: string;
let app: Lovage;
let tasks: Tasks;
let broker: Broker;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lovage-worker-"));
  const url = `sqlite:${join(folder, "test.db")}`;
  process.env.LOVAGE_BROKER_URL = url;
  process.env.LOVAGE_RESULT_BACKEND = url;
  tasks = await import("../support/worker-tasks.js");
  app = tasks.app;
  broker = await app.direct.broker();
});
afterAll(async () => {
  await app.close();
  delete process.env.LOVAGE_BROKER_URL;
  delete process.env.LOVAGE_RESULT_BACKEND;
  rmSync(folder, { recursive: true, force: true });
});

async function counts(): Promise<Pick<QueueCounts, "ready" | "unacked" | "scheduled">> {
  const { ready = 0, unacked = 0, scheduled = 0 } = (await broker.queues.counts("celery")) ?? {};
  return { ready, unacked, scheduled };
}

/** Resolves when the task has reached a state, by looking at each change of the results: there is no event for passing ones. */
async function reached(result: AsyncResult<unknown>, state: string): Promise<void> {
  await until(async () => {
    const status = await result.status();
    if (status !== state && isReady(status)) throw new Error(`the task ended ${status}`);
    return status === state;
  });
}

/** Looks again every few milliseconds: for what no event tells of. */
async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Resolves when the worker has nothing in hand and nothing waits for it: what one test leads to must not show in the next. */
async function quiet(worker: Worker): Promise<void> {
  await until(async () => {
    await worker.parts.executor.settled();
    const { ready, unacked } = await counts();
    return ready + unacked === 0;
  });
}

const KINDS = ["threads", "processes", "async", "solo"] as const;

describe.each(KINDS)("a worker with the pool %s", (pool) => {
  const isolates = pool !== "solo";
  const startWorker = async (): Promise<Worker> => {
    const started = new Worker({ app, appPath: TASKS, pool, concurrency: 2, hostname: `${pool}@test` });
    await started.start();
    return started;
  };
  let worker: Worker;

  beforeAll(async () => {
    worker = await startWorker();
  });
  afterEach(async () => {
    await broker.queues.purge("celery");
    await broker.queues.purge("lovage.dead-letters");
  });
  // The tests at the end stop it themselves: stopping twice is fine.
  afterAll(async () => await worker.stop());

  test("runs a task and gives its result, and leaves nothing behind", async () => {
    const result = await tasks.add.delay(4, 4);
    expect(await result.get({ timeout: 20 })).toBe(8);
    await worker.parts.executor.settled();
    expect(await counts()).toEqual({ ready: 0, unacked: 0, scheduled: 0 });
  });

  test("passes one validated object as kwargs, also from a caller who knows only the name", async () => {
    expect(await (await tasks.greet.delay({ name: "Ada" })).get({ timeout: 20 })).toBe("hello Ada");
    const untyped = await app.sendTask("t.greet", [], { kwargs: { name: "Bob" } });
    expect(await untyped.get({ timeout: 20 })).toBe("hello Bob");
  });

  test("fails a message whose input does not fit, once, without retry", async () => {
    const result = await app.sendTask("t.greet", [], { kwargs: { name: 7 } });
    await expect(result.get({ timeout: 20 })).rejects.toBeInstanceOf(ValidationError);
    expect(await result.meta()).toMatchObject({ status: "FAILURE", retries: 0 });
  });

  test("gives a task's error to the caller with its class, message and trace", async () => {
    const result = await tasks.fail.delay("too far");
    const error = await result.get({ timeout: 20 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error).toMatchObject({ excType: "RangeError", excMessage: ["too far"] });
    expect(await result.traceback()).toContain("worker-tasks.ts:");
    expect(await result.failed()).toBe(true);
  });

  test("retries as often as the task asks and then returns its result", async () => {
    expect(await (await tasks.flaky.delay(2)).get({ timeout: 20 })).toBe(2);
  });

  test("gives up when the retries are used up, with the reason given", async () => {
    const result = await tasks.flaky.delay(99);
    await expect(result.get({ timeout: 20 })).rejects.toThrow("try 3");
  });

  test("retries by itself with growing delays and fails with the last error", async () => {
    const result = await tasks.backsOff.delay();
    await expect(result.get({ timeout: 20 })).rejects.toThrow("never works");
    expect((await result.meta())?.retries).toBe(2);
  });

  test("lets tasks send tasks, which are their children", async () => {
    const result = await tasks.family.delay();
    const childId = await result.get({ timeout: 20 });
    const [child] = await result.children();
    expect(child?.id).toBe(childId);
    expect(await child?.get({ timeout: 20 })).toBe(2);
    expect(await child?.meta()).toMatchObject({ parentId: result.id });
  });

  test("shows a task its request", async () => {
    const result = await tasks.context.applyAsync([], { headers: { tenant: "a" } });
    expect(await result.get({ timeout: 20 })).toMatchObject({
      id: result.id,
      name: "t.context",
      retries: 0,
      deliveries: 1,
      hostname: `${pool}@test`,
      queue: "celery",
      rootId: result.id,
      headers: { tenant: "a" },
      fenced: "number",
    });
  });

  test("calls link with the result and linkError with the failed id", async () => {
    const linked = await tasks.add.applyAsync([1, 2], { link: tasks.add.s(10) });
    await linked.get({ timeout: 20 });
    const [next] = await linked.children();
    expect(await next?.get({ timeout: 20 })).toBe(13);

    const failing = await tasks.fail.applyAsync(["x"], {
      linkError: tasks.greet.si({ name: "errback" }),
      taskId: "fails-with-errback",
    });
    await expect(failing.get({ timeout: 20 })).rejects.toThrow("x");
  });

  test("starts a task with a countdown when it is due, and keeps it in the broker until then", async () => {
    await quiet(worker);
    const sent = Date.now();
    const result = await tasks.add.applyAsync([1, 1], { countdown: 0.5 });
    expect(await counts()).toMatchObject({ scheduled: 1, unacked: 0 });
    expect(await result.get({ timeout: 20 })).toBe(2);
    expect(Date.now() - sent).toBeGreaterThanOrEqual(495);
  });

  test("does not run what has expired", async () => {
    const result = await tasks.add.applyAsync([1, 1], { countdown: 0.2, expires: 0.1 });
    await expect(result.get({ timeout: 20 })).rejects.toMatchObject({ message: "expired" });
  });

  test("does not run what was revoked before it began", async () => {
    const result = await tasks.add.applyAsync([1, 1], { countdown: 0.3 });
    await result.revoke();
    await expect(result.get({ timeout: 20 })).rejects.toBeInstanceOf(TaskRevokedError);
  });

  test("lets a task tidy up at its soft limit", async () => {
    expect(await (await tasks.tidiesUp.delay()).get({ timeout: 20 })).toBe("tidied up");
  });

  test("shows a task's progress, and ends it when it is told to", async () => {
    const result = await tasks.progresses.delay();
    await reached(result, "PROGRESS");
    expect(await result.info()).toEqual({ found: 7, current: 1, total: 3, message: "one of three" });
    await result.revoke({ terminate: true });
    await expect(result.get({ timeout: 20 })).rejects.toBeInstanceOf(TaskRevokedError);
  });

  test.skipIf(!isolates)("ends a task that spins at its hard limit", async () => {
    const result = await tasks.spins.applyAsync([], { timeLimit: 0.3 });
    await expect(result.get({ timeout: 20 })).rejects.toBeInstanceOf(TimeLimitExceeded);
    expect(await (await tasks.add.delay(1, 1)).get({ timeout: 20 })).toBe(2);
  });

  test.skipIf(pool !== "processes" && pool !== "threads")("survives a task that ends its process", async () => {
    const result = await tasks.dies.delay();
    await expect(result.get({ timeout: 20 })).rejects.toBeInstanceOf(WorkerLostError);
    expect(await (await tasks.add.delay(1, 1)).get({ timeout: 20 })).toBe(2);
  });

  test("stores nothing for a task that ignores its result, and acknowledges it", async () => {
    const result = await tasks.ignores.delay();
    await (await tasks.add.delay(1, 1)).get({ timeout: 20 });
    await worker.parts.executor.settled();
    expect(await result.status()).toBe("PENDING");
    expect(await counts()).toEqual({ ready: 0, unacked: 0, scheduled: 0 });
  });

  test("fails a task whose result cannot be carried, naming the place", async () => {
    const result = await tasks.circular.delay();
    await expect(result.get({ timeout: 20 })).rejects.toMatchObject({
      name: "EncodeError",
      message: expect.stringContaining("self"),
    });
  });

  test("keeps to a rate limit", async () => {
    // When the worker lets them go, not when a loaded machine gets to run them.
    const started: number[] = [];
    const events = await broker.broadcast.subscribe("events", "task.#", (message) => {
      for (const { type, timestamp } of decodeEvents(message)) if (type === "task-started") started.push(timestamp);
    });
    worker.parts.events.setTaskEvents(true);
    const results = await Promise.all([1, 2, 3].map(() => tasks.limited.delay()));
    for (const result of results) await result.get({ timeout: 20 });
    await until(() => started.length === 3);
    worker.parts.events.setTaskEvents(false);
    await events.cancel();

    const [first = 0, , third = 0] = started;
    expect(third - first).toBeGreaterThanOrEqual(0.95);
  });

  test("puts what a task rejects, and what cannot be decoded or is unknown for too long, among the dead letters", async () => {
    const letters = new DeadLetters(broker);
    await tasks.rejects.delay();
    const unknown = await app.sendTask("t.nobody-knows", [1]);
    await broker.publish(
      {
        headers: { task: "t.add", id: "garbage" },
        properties: {},
        body: new TextEncoder().encode("{not json"),
        contentType: "application/json",
        contentEncoding: "utf-8",
      },
      { exchange: "", routingKey: "celery" },
    );
    await broker.publish(
      {
        headers: { task: "t.add", id: "pickled" },
        properties: {},
        body: new Uint8Array([128, 2]),
        contentType: "application/x-python-serialize",
        contentEncoding: "binary",
      },
      { exchange: "", routingKey: "celery" },
    );

    await expect(unknown.get({ timeout: 20 })).rejects.toMatchObject({ name: "NotRegistered" });
    await worker.parts.executor.settled();

    const reasons = (await letters.list()).map(({ death }) => death.reason).sort();
    expect(reasons).toEqual(["content_disallowed", "not_decodable", "rejected", "unknown_task"]);
    expect(await counts()).toEqual({ ready: 0, unacked: 0, scheduled: 0 });
  });

  test("finishes what runs and gives back the rest when it stops warmly", async () => {
    const gate = join(folder, `${pool}-gate`);
    const size = worker.parts.pool.size;
    const { ledger } = worker.parts;
    const running = await Promise.all(Array.from({ length: size }, () => tasks.waitsFor.delay(gate)));
    await until(() => ledger.active().length === size);
    const waiting = await tasks.add.delay(1, 1);
    await until(() => ledger.reserved().length === 1);

    const stopped = worker.stop();
    await until(() => ledger.reserved().length === 0);
    writeFileSync(gate, "");
    await stopped;

    for (const result of running) expect(await result.status()).toBe("SUCCESS");
    expect(await waiting.status()).toBe("PENDING");
    expect(await counts()).toEqual({ ready: 1, unacked: 0, scheduled: 0 });
  });

  test("does not count a redelivered message as begun that only waited for its turn", async () => {
    const queue = app.router.queue(`${pool}-redelivered`);
    await broker.declare(queue);
    await tasks.add.applyAsync([1, 1], { queue: queue.name });
    const takeIt = async () => {
      const [peeked] = await broker.queues.peek(queue.name, { limit: 1 });
      return await broker.queues.take(queue.name, peeked ? [peeked.key] : []);
    };
    for (const delivery of await takeIt()) await delivery.reject({ requeue: true });

    await worker.stop();
    await broker.queues.purge("celery");
    worker = await startWorker();
    const gate = join(folder, `${pool}-turn`);
    const { ledger, consumer } = worker.parts;
    await Promise.all(Array.from({ length: worker.parts.pool.size }, () => tasks.waitsFor.delay(gate)));
    await until(() => ledger.active().length === worker.parts.pool.size);
    await consumer.add(queue);
    await until(() => ledger.reserved().length === 1);
    const stopped = worker.stop();
    await until(() => ledger.reserved().length === 0);
    writeFileSync(gate, "");
    await stopped;

    const [given] = await takeIt();
    expect(given?.deliveries).toBe(3);
    expect(await given?.begin()).toBe(1);
    await given?.ack();
  });

  test.skipIf(!isolates)("gives back also what runs when it stops coldly", async () => {
    worker = await startWorker();
    const result = await tasks.sleeps.delay(60);
    const { ledger } = worker.parts;
    await until(() => ledger.active().length === 1);

    await worker.abort();

    expect(await result.status()).toBe("PENDING");
    expect(await counts()).toEqual({ ready: 1, unacked: 0, scheduled: 0 });
  });
});
