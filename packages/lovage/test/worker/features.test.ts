import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { DeadLetters } from "../../src/dead-letters.js";
import { currentTask, Lovage, type LovageOptions } from "../../src/index.js";
import { decodeEvents } from "../../src/protocol/events.js";
import { type Deferred, deferred } from "../../src/util/deferred.js";
import { Worker, type WorkerOptions } from "../../src/worker/index.js";

// The solo pool runs tasks in this process, so that tests can hold them; what only other pools do is in the pools' own suite.

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each();
});

function memoryApp(options: LovageOptions = {}): Lovage {
  const app = new Lovage("features", { brokerUrl: "memory://", resultBackend: "memory://", ...options });
  cleanUp.push(() => app.close());
  return app;
}
async function startWorker(app: Lovage, options: Partial<WorkerOptions> = {}): Promise<Worker> {
  const worker = new Worker({ app, pool: "solo", hostname: "features@test", ...options });
  cleanUp.push(() => worker.stop());
  await worker.start();
  return worker;
}

/** A task that begins when it is told to have begun, and ends when it is let go. */
function heldTask(
  app: Lovage,
  name: string,
): { began: Deferred<void>; letGo: Deferred<void>; send: () => ReturnType<Lovage["sendTask"]> } {
  const began = deferred();
  const letGo = deferred();
  app.task(name, async () => {
    began.resolve();
    await letGo.promise;
    return "done";
  });
  return { began, letGo, send: () => app.sendTask(name) };
}

describe("results", () => {
  test("show STARTED with pid and worker when that is tracked", async () => {
    const app = memoryApp({ taskTrackStarted: true });
    const held = heldTask(app, "held");
    await startWorker(app);

    const result = await held.send();
    await held.began.promise;
    while ((await result.status()) === "PENDING") await wait(1);

    expect(await result.meta()).toMatchObject({
      status: "STARTED",
      result: { pid: process.pid, hostname: "features@test" },
    });
    held.letGo.resolve();
    expect(await result.get({ timeout: 10 })).toBe("done");
  });

  test("of tasks that ignore them are not kept, but errors may be", async () => {
    const app = memoryApp({ taskStoreErrorsEvenIfIgnored: true });
    app.task("fine", { ignoreResult: true }, () => 1);
    app.task("fails", { ignoreResult: true }, () => {
      throw new Error("boom");
    });
    const worker = await startWorker(app);

    const fine = await app.sendTask("fine");
    const fails = await app.sendTask("fails");

    await expect(fails.get({ timeout: 10 })).rejects.toThrow("boom");
    await worker.parts.executor.settled();
    expect(await fine.status()).toBe("PENDING");
  });

  test("carry name, arguments and worker when they are extended", async () => {
    const app = memoryApp({ resultExtended: true });
    app.task("echo", (value: unknown) => value);
    await startWorker(app);

    const result = await app.sendTask("echo", [{ a: 1 }]);
    await result.get({ timeout: 10 });

    expect(await result.meta()).toMatchObject({
      name: "echo",
      args: [{ a: 1 }],
      kwargs: {},
      worker: "features@test",
      retries: 0,
      queue: "celery",
    });
  });

  test("that the backend cannot take fail the task once, with the reason, instead of running it again and again", async () => {
    // Given arguments that may be received but not sent, as Python sends them, and results that are to carry them
    const app = memoryApp({ resultExtended: true });
    let runs = 0;
    app.task("count", () => ++runs);
    const worker = await startWorker(app);
    await app.direct.declare(app.router.queue("celery"));
    const message = {
      headers: { task: "count", id: "with-nan" },
      properties: {},
      body: new TextEncoder().encode("[[NaN], {}, {}]"),
      contentType: "application/json",
      contentEncoding: "utf-8",
    };

    await (await app.direct.broker()).publish(message, { exchange: "", routingKey: "celery" });

    await expect(app.asyncResult("with-nan").get({ timeout: 10 })).rejects.toMatchObject({ name: "EncodeError" });
    await worker.parts.executor.settled();
    expect(runs).toBe(1);
  });

  test("that have expired are swept away by the worker", async () => {
    const app = memoryApp({ resultExpires: 0.05 });
    app.task("fine", () => 1);
    const worker = await startWorker(app);
    const backend = await app.direct.backend();

    await (await app.sendTask("fine")).get({ timeout: 10 });
    await worker.parts.executor.settled();
    // The sweep comes once a second: when it has been, there is nothing left for this one.
    await wait(1500);

    expect(await backend.removeExpired(new Date())).toBe(0);
  });
});

describe("acknowledgement", () => {
  test("comes after the task by default, and before it where that is asked for", async () => {
    const app = memoryApp();
    const broker = await app.direct.broker();
    const unackedInside = async (): Promise<number | undefined> => (await broker.queues.counts("celery"))?.unacked;
    app.task("late", unackedInside);
    app.task("early", { acksLate: false }, unackedInside);
    await startWorker(app);

    expect(await (await app.sendTask("late")).get({ timeout: 10 })).toBe(1);
    expect(await (await app.sendTask("early")).get({ timeout: 10 })).toBe(0);
  });

  test("of failed tasks can be refused: they become dead letters", async () => {
    const app = memoryApp();
    app.task("fails", { acksOnFailureOrTimeout: false }, () => {
      throw new Error("boom");
    });
    const worker = await startWorker(app);

    const result = await app.sendTask("fails");
    await expect(result.get({ timeout: 10 })).rejects.toThrow("boom");
    await worker.parts.executor.settled();

    const [letter] = await new DeadLetters(await app.direct.broker()).list();
    expect(letter?.death).toMatchObject({
      reason: "failed",
      queue: "celery",
      worker: "features@test",
      error: expect.stringContaining("boom"),
    });
  });
});

describe("dead letters", () => {
  test("run after they are replayed, and count their replays when they die again", async () => {
    const app = memoryApp({ taskUnknownGrace: 0 });
    const worker = await startWorker(app);
    const letters = new DeadLetters(await app.direct.broker());
    const result = await app.sendTask("late-comer", [2]);
    while ((await letters.count()) === 0) await wait(5);

    const [first] = await letters.list();
    expect(await letters.replay([first?.key ?? ""])).toBe(1);
    while ((await letters.count()) === 0) await wait(5);
    const [second] = await letters.list();
    expect(second?.death).toMatchObject({ reason: "unknown_task", replayed: 1 });
    const { reason, queue, worker: by, died, error } = first?.death ?? {};
    expect(first?.death.earlier).toEqual([]);
    expect(second?.death.earlier).toEqual([{ reason, queue, worker: by, died, error }]);

    app.task("late-comer", (n: number) => n * 2);
    await letters.replay([second?.key ?? ""]);
    while ((await result.status()) !== "SUCCESS") await wait(5);
    expect(await result.get()).toBe(4);
    await worker.parts.executor.settled();
    expect(await letters.count()).toBe(0);
  });

  test("can be removed, and those that are gone are passed over", async () => {
    const app = memoryApp({ taskUnknownGrace: 0 });
    await startWorker(app);
    const letters = new DeadLetters(await app.direct.broker());
    await app.sendTask("nobody-knows");
    while ((await letters.count()) === 0) await wait(5);
    const [{ key = "" } = {}] = await letters.list();

    expect(await letters.remove([key])).toBe(1);
    expect(await letters.remove([key])).toBe(0);
    expect(await letters.replay([key, "nonsense"])).toBe(0);
  });
});

describe("a rolling deploy", () => {
  test("leaves a task that this worker does not know to one that does", async () => {
    const old = memoryApp();
    const worker = await startWorker(old);
    const result = await old.sendTask("brand-new", [1]);
    const broker = await old.direct.broker();
    while (((await broker.queues.counts("celery"))?.scheduled ?? 0) === 0) await wait(5);

    old.task("brand-new", (n: number) => n + 1);

    expect(await result.get({ timeout: 10 })).toBe(2);
    await worker.stop();
  });
});

describe("callbacks", () => {
  test("that cannot be sent fail the task instead of running it again and again", async () => {
    const app = memoryApp({ taskQueues: ["celery"], taskCreateMissingQueues: false });
    let runs = 0;
    const count = app.task("count", () => ++runs);
    const worker = await startWorker(app);

    const result = await count.applyAsync([], { link: count.si().set({ queue: "nowhere" }) });

    await expect(result.get({ timeout: 10 })).rejects.toMatchObject({ message: expect.stringContaining('"nowhere"') });
    await worker.parts.executor.settled();
    expect(runs).toBe(1);
  });
});

describe("revoking", () => {
  test("ends a waiting task at once, not when its turn comes", async () => {
    const app = memoryApp();
    const held = heldTask(app, "held");
    app.task("waits", () => 1);
    await startWorker(app);
    await held.send();
    await held.began.promise;

    const waiting = await app.sendTask("waits");
    await waiting.revoke();

    await expect(waiting.get({ timeout: 10 })).rejects.toMatchObject({ message: "revoked" });
    held.letGo.resolve();
  });
});

describe("prefetch", () => {
  test("holds slots times the multiplier and leaves the rest to others", async () => {
    const app = memoryApp({ workerPrefetchMultiplier: 2 });
    const held = heldTask(app, "held");
    await startWorker(app);
    await Promise.all(Array.from({ length: 5 }, held.send));
    await held.began.promise;

    const broker = await app.direct.broker();
    expect(await broker.queues.counts("celery")).toMatchObject({ unacked: 2, ready: 3 });
    held.letGo.resolve();
  });
});

describe("events", () => {
  test("tell a task's whole story in Celery's order, with its log and progress", async () => {
    const app = memoryApp();
    app.task("t", { maxRetries: 1 }, async () => {
      const task = currentTask();
      task.log.info("at work", { try: task.retries });
      await task.progress(1, 2, "half");
      if (task.retries === 0) task.retry({ countdown: 0.01, exc: new Error("again") });
      return 7;
    });
    const broker = await app.direct.broker();
    const heard: string[] = [];
    const runs: unknown[] = [];
    const succeeded = deferred();
    await broker.broadcast.subscribe("events", "#", (message) => {
      for (const { type, fields } of decodeEvents(message)) {
        // The sender tells of sending in a message of its own, when it will.
        if (type !== "worker-heartbeat" && type !== "task-sent") heard.push(type);
        if (/^task-(started|log|retried|succeeded)$/.test(type)) runs.push(fields.lovage);
        if (type === "task-succeeded") succeeded.resolve();
      }
    });
    const worker = await startWorker(app, { events: true });

    await app.sendTask("t");
    await succeeded.promise;
    await worker.stop();
    await new Promise((resolve) => setImmediate(resolve));

    const oneTry = ["task-received", "task-started", "task-log", "task-progress"];
    expect(heard).toEqual(["worker-online", ...oneTry, "task-retried", ...oneTry, "task-succeeded", "worker-offline"]);
    // By these monitors tell two runs apart, however fast one follows the other.
    expect(runs).toMatchObject([0, 0, 0, 1, 1, 1].map((retries) => ({ retries })));
  });

  test("are silent about tasks unless they are switched on", async () => {
    const app = memoryApp();
    app.task("t", () => 1);
    const broker = await app.direct.broker();
    const heard: string[] = [];
    await broker.broadcast.subscribe(
      "events",
      "task.#",
      (message) => void heard.push(...decodeEvents(message).map(({ type }) => type)),
    );
    await startWorker(app);

    await (await app.sendTask("t")).get({ timeout: 10 });

    expect(heard).toEqual([]);
  });
});

describe("a worker", () => {
  test("can be stopped twice, before it starts, and while it starts", async () => {
    const app = memoryApp();
    const never = new Worker({ app, pool: "solo" });
    await never.stop();
    await never.stop();

    const hasty = new Worker({ app, pool: "solo" });
    const starting = hasty.start();
    await Promise.all([hasty.stop(), starting]);
    await hasty.stop();
    await hasty.stopped;
  });

  test("says what is missing when its pool cannot load the app", async () => {
    const worker = new Worker({ app: memoryApp(), pool: "threads" });
    await expect(worker.start()).rejects.toMatchObject({ code: "app_path_missing" });
  });
});
