import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { PeekedMessage } from "../src/brokers/broker.js";
import {
  ConfigurationError,
  currentTask,
  Lovage,
  type LovageOptions,
  ResultTimeoutError,
  UnroutableError,
  ValidationError,
} from "../src/index.js";
import { decodeEvents, type ReceivedEvent } from "../src/protocol/events.js";
import type { Message } from "../src/protocol/message.js";
import { decodeTaskMessage } from "../src/protocol/task-message.js";
import { deferred } from "../src/util/deferred.js";
import type { Logger } from "../src/util/logger.js";

const open: Lovage[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function memoryApp(options: LovageOptions = {}): Lovage {
  const app = new Lovage("app-tests", { brokerUrl: "memory://", resultBackend: "memory://", ...options });
  open.push(app);
  return app;
}

/** What waits in a queue. */
async function waiting(app: Lovage, queue = "celery"): Promise<PeekedMessage[]> {
  return await (await app.direct.broker()).queues.peek(queue, { limit: 100 });
}
async function onlyMessage(app: Lovage, queue = "celery"): Promise<ReturnType<typeof decodeTaskMessage>> {
  const [only, ...more] = await waiting(app, queue);
  if (!only || more.length > 0) throw new Error(`there are ${more.length + (only ? 1 : 0)} messages`);
  return decodeTaskMessage(only.message);
}

/** Hears all events from now on. */
async function listen(
  app: Lovage,
  expected = 1,
): Promise<{ readonly first: Promise<ReceivedEvent>; readonly all: Promise<void>; readonly messages: Message[] }> {
  let count = 0;
  const all = deferred();
  const messages: Message[] = [];
  const first = deferred<ReceivedEvent>();
  const broker = await app.direct.broker();
  await broker.broadcast.subscribe("events", "#", (message) => {
    messages.push(message);
    for (const event of decodeEvents(message)) {
      first.resolve(event);
      if (++count === expected) all.resolve();
    }
  });
  return { first: first.promise, all: all.promise, messages };
}

describe("sending a task", () => {
  test("puts Celery's message, protocol 2, on the default queue", async () => {
    const app = memoryApp();
    const add = app.task("add", (x: number, y: number) => x + y);

    const result = await add.delay(2, 3);

    const [sent] = await waiting(app);
    expect(sent?.message.headers).toMatchObject({
      lang: "js",
      task: "add",
      id: result.id,
      root_id: result.id,
      parent_id: null,
      retries: 0,
      argsrepr: "(2, 3)",
      kwargsrepr: "{}",
      ignore_result: false,
    });
    expect(JSON.parse(Buffer.from(sent?.message.body ?? []).toString())).toEqual([
      [2, 3],
      {},
      { callbacks: null, errbacks: null, chain: null, chord: null },
    ]);
    expect(sent?.message.properties).toMatchObject({ correlation_id: result.id, delivery_mode: 2 });
  });

  test("carries every option of the call", async () => {
    const app = memoryApp({ taskQueueMaxPriority: 9 });
    const add = app.task("add", (x: number, y: number) => x + y);
    const eta = new Date(Date.now() + 60_000);
    const expires = new Date(Date.now() + 120_000);

    await add.applyAsync([1, 2], {
      eta,
      expires,
      priority: 7,
      queue: "other",
      taskId: "my-id",
      headers: { tenant: "a" },
      timeLimit: 5,
      softTimeLimit: 4,
      ignoreResult: true,
      shadow: "shown",
      link: add.s(3),
      linkError: add.si(0, 0),
    });

    const message = await onlyMessage(app, "other");
    expect(message).toMatchObject({
      id: "my-id",
      eta,
      expires,
      priority: 7,
      shadow: "shown",
      ignoreResult: true,
      headers: { tenant: "a" },
      timeLimit: { hard: 5, soft: 4 },
    });
    expect(message.embed.callbacks).toEqual([
      { task: "add", args: [3], kwargs: {}, options: {}, subtask_type: null, immutable: false },
    ]);
    expect(message.embed.errbacks).toMatchObject([{ task: "add", args: [0, 0], immutable: true }]);
    const [peeked] = await waiting(app, "other");
    expect(peeked).toMatchObject({ state: "scheduled", eta });
  });

  test.each([
    [{ countdown: Number.NaN }, /countdown must be a number of seconds; got NaN/],
    [{ countdown: "5" }, /countdown must be a number of seconds; got "5"/],
    [{ eta: new Date(Number.NaN) }, /eta must be a valid Date/],
    [{ expires: Number.POSITIVE_INFINITY }, /expires must be a number of seconds or a valid Date/],
    [{ priority: 10 }, /priority must be a whole number from 0 to 9; got 10/],
    [{ timeLimit: -1, softTimeLimit: 0 }, /timeLimit must be .* above 0; got -1; softTimeLimit must be/],
    [{ queue: "" }, /queue must be a text that is not empty/],
    [{ countdwn: 5 }, /there is no option countdwn: did you mean countdown\?/],
  ])("refuses options no worker could follow, before anything is sent: %o", async (options, problem) => {
    const app = memoryApp();
    const add = app.task("add", (x: number, y: number) => x + y);
    const untyped: object = options;

    await expect(add.applyAsync([1, 2], untyped)).rejects.toThrow(problem);
    await expect(app.sendTask("add", [1, 2], untyped)).rejects.toMatchObject({ code: "bad_call_options" });
    expect(() => add.s(1, 2).set(untyped)).toThrow(problem);

    expect(await waiting(app, "celery")).toEqual([]);
  });

  test("takes a validated object as kwargs, whichever library made the schema", async () => {
    const app = memoryApp();
    const withZod = app.task("zod", { input: z.object({ url: z.url() }) }, ({ url }) => url);
    const withValibot = app.task(
      "valibot",
      { input: v.object({ url: v.pipe(v.string(), v.url()) }) },
      ({ url }) => url,
    );

    await withZod.delay({ url: "https://a.example" });
    expect(await onlyMessage(app)).toMatchObject({ args: [], kwargs: { url: "https://a.example" } });

    for (const task of [withZod, withValibot]) {
      const error = await task.delay({ url: "nonsense" }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toMatchObject({ code: "validation", issues: [{ path: "url" }] });
    }
    expect(await waiting(app)).toHaveLength(1);
  });

  test("refuses a value that JSON cannot carry, before anything is sent", async () => {
    const app = memoryApp();
    const echo = app.task("echo", (value: unknown) => value);
    await expect(echo.delay({ deep: [() => 1] })).rejects.toMatchObject({
      code: "encode",
      message: expect.stringContaining("args[0].deep[0]"),
    });
    expect(await (await app.direct.broker()).queues.list()).toEqual([]);
  });

  test("reaches an exchange by its routing key", async () => {
    const app = memoryApp({
      taskQueues: [{ name: "news", exchange: "media", exchangeType: "topic", routingKey: "news.#" }],
    });
    const broker = await app.direct.broker();
    await app.direct.declare(app.router.queue("news"));

    await app.sendTask("x", [], { exchange: "media", routingKey: "news.sport" });

    expect((await broker.queues.counts("news"))?.ready).toBe(1);
    await expect(app.sendTask("x", [], { exchange: "media", routingKey: "weather" })).rejects.toBeInstanceOf(
      UnroutableError,
    );
  });

  test("tells monitors, with the exact arguments", async () => {
    const app = memoryApp();
    const heard = await listen(app);

    const headers = { lovage_job: "news", periodic_task_name: "hourly", other: 1 };
    const { id } = await app.sendTask("x", [1], { kwargs: { a: 2 }, headers });

    expect(await heard.first).toMatchObject({
      fields: {
        type: "task-sent",
        lovage: { args: [1], kwargs: { a: 2 }, queue: "celery", job: "news", schedule: "hourly", size: 74 },
        uuid: id,
        name: "x",
        args: "(1,)",
        kwargs: "{'a': 2}",
        queue: "celery",
        routing_key: "celery",
      },
    });
  });

  test("tells monitors of many tasks in few messages, and of all before it is closed", async () => {
    // A monitor in another app: the sender's own subscriptions end with it.
    const folder = mkdtempSync(join(tmpdir(), "lovage-sent-"));
    folders.push(folder);
    const path = join(folder, "sent.db");
    const app = memoryApp({ brokerUrl: `sqlite:${path}` });
    const heard = await listen(memoryApp({ brokerUrl: `sqlite:${path}` }), 50);

    await Promise.all(Array.from({ length: 50 }, (_, at) => app.sendTask("x", [at])));
    await app.close();

    await heard.all;
    expect(heard.messages.length).toBeLessThan(10);
  });

  test("leaves long arguments out of what it tells monitors, and everything when that is switched off", async () => {
    const app = memoryApp();
    const heard = await listen(app);
    await app.sendTask("x", ["a".repeat(9000)]);
    expect((await heard.first).fields.lovage).toEqual(expect.not.objectContaining({ args: expect.anything() }));

    const quiet = memoryApp({ taskSendSentEvent: false });
    const told = await listen(quiet);
    await quiet.sendTask("x");
    await quiet.close();
    expect(told.messages).toEqual([]);
  });

  test("warns once for each queue on which a priority does nothing", async () => {
    const warnings: string[] = [];
    const note = (message: string): void => void warnings.push(message);
    const logger: Logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
    const app = memoryApp({ logger });

    for (const priority of [3, 5]) await app.sendTask("x", [], { priority });

    expect(warnings).toEqual(["queue celery has no maxPriority: priorities are ignored on it"]);
  });
});

describe("routes", () => {
  test("are taken by the first pattern that matches, unless the task or the call says otherwise", async () => {
    const app = memoryApp({
      taskRoutes: [
        { "img.*": "images" },
        (name) => (name.startsWith("slow") ? { queue: "slow" } : undefined),
        { "*": "rest" },
      ],
    });
    app.task("img.own", { queue: "own" }, () => 1);
    const queueOf = (name: string, options = {}): string | undefined =>
      app.router.destination(name, { ...app.findTask(name)?.options, ...options }).queue?.name;

    expect(queueOf("img.resize")).toBe("images");
    expect(queueOf("slow.report")).toBe("slow");
    expect(queueOf("other")).toBe("rest");
    expect(queueOf("img.own")).toBe("own");
    expect(queueOf("img.own", { queue: "called" })).toBe("called");
  });

  test("to a queue that is not configured are refused when missing queues are not made", () => {
    const app = memoryApp({ taskQueues: ["a"], taskCreateMissingQueues: false });
    expect(() => app.router.destination("x", { queue: "b" })).toThrow(/taskQueues \(a\)/);
  });
});

describe("an app", () => {
  test("knows each task by one name only", () => {
    const app = memoryApp();
    app.task("a", () => 1);
    expect(() => app.task("a", () => 2)).toThrow(ConfigurationError);
    expect(app.taskNames).toEqual(["a"]);
  });

  test("runs a task's function when it is called, after validation", async () => {
    const app = memoryApp();
    const add = app.task("add", (x: number, y: number) => x + y);
    const half = app.task("half", { input: z.object({ n: z.coerce.number() }) }, ({ n }) => n / 2);
    expect(add(2, 3)).toBe(5);
    expect(add.name).toBe("add");
    expect(await half({ n: "8" })).toBe(4);
  });

  test("refuses to answer for the running task outside of one", () => {
    expect(() => currentTask()).toThrow("outside of a task");
  });

  test("finds the modules that a pattern matches", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lovage-discover-"));
    try {
      writeFileSync(join(folder, "tasks.mjs"), "globalThis.lovageDiscovered = (globalThis.lovageDiscovered ?? 0) + 1;");
      writeFileSync(join(folder, "other.mjs"), "throw new Error('not this one');");
      expect(await memoryApp().autodiscover("**/tasks.mjs", { cwd: folder })).toEqual([join(folder, "tasks.mjs")]);
      expect(Reflect.get(globalThis, "lovageDiscovered")).toBe(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("opens anew when it is used after it was closed", async () => {
    const app = memoryApp();
    await app.sendTask("x");
    await app.close();
    await app.sendTask("x");
    expect(await waiting(app)).toHaveLength(1);
  });

  test("names the schemes it knows for a URL it does not", async () => {
    const app = memoryApp({ brokerUrl: "sqlit:x.db" });
    await expect(app.sendTask("x")).rejects.toThrow(/unknown scheme sqlit \(did you mean sqlite\?\).*memory:, sqlite:/);
  });
});

describe("a result", () => {
  test("is PENDING while nothing is known, and gives up waiting at its timeout or signal", async () => {
    const app = memoryApp();
    const result = app.asyncResult("nobody");
    expect(await result.status()).toBe("PENDING");
    await expect(result.get({ timeout: 0.01 })).rejects.toBeInstanceOf(ResultTimeoutError);
    await expect(result.get({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });

  test("runs the same task with the same arguments again, under a new id", async () => {
    const app = memoryApp();
    const add = app.task("add", (x: number, y: number) => x + y);
    const first = await add.applyAsync([1, 2], { countdown: 60, headers: { tenant: "a" } });

    const again = await first.rerun();

    expect(again.id).not.toBe(first.id);
    const messages = (await waiting(app)).map(({ message, state }) => ({ state, ...decodeTaskMessage(message) }));
    expect(messages).toMatchObject([
      { id: again.id, state: "ready", args: [1, 2], headers: { tenant: "a" } },
      { id: first.id, state: "scheduled" },
    ]);
  });

  test("of an earlier process can be run again when its arguments were stored, and says so when they were not", async () => {
    const app = memoryApp();
    const backend = await app.direct.backend();
    const base = { status: "SUCCESS", result: 1, traceback: null, children: [], dateDone: new Date() } as const;
    await backend.store({ ...base, taskId: "with", name: "add", args: [1, 2], kwargs: {}, queue: "other" });
    await backend.store({ ...base, taskId: "without" });

    await app.asyncResult("with").rerun();
    expect(await onlyMessage(app, "other")).toMatchObject({ task: "add", args: [1, 2] });
    await expect(app.asyncResult("without").rerun()).rejects.toThrow("resultExtended");
  });

  test("is refused with advice where results are off", async () => {
    const app = memoryApp({ resultBackend: null });
    const result = await app.sendTask("x");
    await expect(result.get()).rejects.toThrow("results are off");
  });
});

describe("eager tasks", () => {
  const eager = (options: LovageOptions = {}): Lovage => memoryApp({ taskAlwaysEager: true, ...options });

  test("run in the caller and have their result at once", async () => {
    const add = eager().task("add", (x: number, y: number) => x + y);
    const result = await add.delay(2, 3);
    expect(await result.get()).toBe(5);
    expect(await result.successful()).toBe(true);
  });

  test("retry at once and keep what they failed with", async () => {
    let tries = 0;
    const flaky = eager().task("flaky", { autoretryFor: [TypeError], maxRetries: 2, defaultRetryDelay: 3600 }, () => {
      tries++;
      throw new TypeError("never");
    });
    const result = await flaky.delay();
    await expect(result.get()).rejects.toThrow("never");
    expect(tries).toBe(3);
  });

  test("throw from delay when they are to propagate", async () => {
    const fail = eager({ taskEagerPropagates: true }).task("fail", () => {
      throw new RangeError("boom");
    });
    await expect(fail.delay()).rejects.toThrow("boom");
  });

  test("call their links and their errbacks", async () => {
    const app = eager();
    const seen: unknown[] = [];
    const note = app.task("note", (...values: unknown[]) => void seen.push(...values));
    const add = app.task("add", (x: number, y: number) => x + y);
    const fail = app.task("fail", () => {
      throw new Error("x");
    });
    await add.applyAsync([1, 2], { link: note.s("linked") });
    const { id } = await fail.applyAsync([], { linkError: note.s() });
    expect(seen).toEqual([3, "linked", id]);
  });

  test("call their hooks with what happened", async () => {
    const app = eager();
    const seen: string[] = [];
    const hooked = app.task(
      "hooked",
      {
        autoretryFor: [(error) => error instanceof Error && error.message === "again"],
        maxRetries: 1,
        onSuccess: (result: number, task) => void seen.push(`success ${result} ${task.name}`),
        onRetry: (error) => void seen.push(`retry ${error instanceof Error ? error.message : ""}`),
        onFailure: (error) => void seen.push(`failure ${error instanceof Error ? error.message : ""}`),
      },
      (mode: string) => {
        if (mode !== "fine") throw new Error(mode);
        return 1;
      },
    );
    await hooked.delay("fine");
    await hooked.delay("again");
    await hooked.delay("broken");
    expect(seen).toEqual(["success 1 hooked", "retry again", "failure again", "failure broken"]);
  });
});
