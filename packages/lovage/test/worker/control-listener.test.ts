import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { collectReplies } from "../../src/control/collect-replies.js";
import { Lovage, TaskRevokedError } from "../../src/index.js";
import { encodeControlRequest } from "../../src/protocol/control.js";
import type { Message } from "../../src/protocol/message.js";
import { newId } from "../../src/util/ids.js";
import { Worker } from "../../src/worker/index.js";
import { type ControlBench, NODE, openControlBench, until, untilRuns } from "../support/control-worker.js";
import { object } from "../support/vectors.js";

let bench: ControlBench;

beforeAll(async () => {
  bench = await openControlBench();
});
afterEach(async () => {
  await bench.stopWorkers();
  const { queues } = await bench.app.direct.broker();
  await queues.purge("control");
  bench.logger.clear();
});
afterAll(async () => {
  await bench.close();
});

/** The one worker's answer. */
async function ask(method: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const replies = await bench.control.ask(method, args, { timeout: 5, limit: 1 });
  expect([...replies.keys()]).toEqual([NODE]);
  return replies.get(NODE);
}

async function broadcast(message: Message): Promise<void> {
  const { broadcast } = await bench.app.direct.broker();
  await broadcast.publish("control", "", message);
}

function raw(text: string): Message {
  return {
    headers: {},
    properties: {},
    body: Buffer.from(text),
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
}

describe("a worker's remote control", () => {
  test("answers on when it has been sent what is no request", async () => {
    await bench.startWorker();
    for (const garbage of ["", "{", "null", "[]", '{"method": 3}', '{"method": "ping", "arguments": []}', '{"x": 1}'])
      await broadcast(raw(garbage));
    await broadcast({ ...raw("x"), contentType: "application/x-python-serialize" });
    await broadcast(encodeControlRequest({ method: "ping", pattern: "(", matcher: "pcre" }));
    expect(await ask("ping")).toEqual({ ok: "pong" });
    expect(bench.logger.lines.filter(({ level }) => level === "warn")).toHaveLength(9);
  });

  test("refuses unknown commands and wrong arguments in Python's words", async () => {
    await bench.startWorker();
    expect(await ask("no_such")).toEqual({ error: "KeyError('no_such')" });
    expect(await ask("constructor")).toEqual({ error: "KeyError('constructor')" });
    expect(await ask("rate_limit", { foo: 1 })).toEqual({
      error: "TypeError(\"rate_limit() missing 2 required positional arguments: 'task_name' and 'rate_limit'\")",
    });
    expect(await ask("query_task", { ids: [1] })).toEqual({
      error: "ValueError('ids must be a text or a list of texts; got [1]')",
    });
    expect(await ask("revoke", { task_id: "x", terminate: true, signal: "SIGNOPE" })).toMatchObject({
      error: expect.stringContaining("signal must be the name or number of a signal"),
    });
    expect(await ask("add_consumer", { queue: "q", exchange_type: "headers" })).toMatchObject({
      error: expect.stringContaining("exchange_type must be one of direct, topic, fanout"),
    });
    expect(await ask("time_limit", { task_name: "t.add", hard: "soon" })).toMatchObject({
      error: expect.stringContaining("hard must be a number of seconds above 0"),
    });
  });

  test("acts only when the request is meant for this node", async () => {
    await bench.startWorker();
    const asked = (target: object) => bench.control.ask("ping", {}, { timeout: 0.3, limit: 1, ...target });
    expect((await asked({ destination: [NODE] })).size).toBe(1);
    expect((await asked({ destination: ["other@example.com"] })).size).toBe(0);
    expect((await asked({ pattern: "w?@*" })).size).toBe(1);
    expect((await asked({ pattern: "x*" })).size).toBe(0);
    expect((await asked({ pattern: "w[0-9]@", matcher: "pcre" })).size).toBe(1);
    expect((await asked({ pattern: "example", matcher: "pcre" })).size).toBe(0);
  });

  test("keeps its clock ahead of the requests'", async () => {
    const worker = await bench.startWorker();
    const before = worker.lamport.value + 1000;
    await broadcast(encodeControlRequest({ method: "ping", clock: before }));
    const { clock } = object(await ask("clock"));
    expect(clock).toBeGreaterThan(before);
  });

  test("sends no answer to who wants none, and none to shutdown or election", async () => {
    const worker = await bench.startWorker();
    const replies = await bench.control.ask("election", { id: "1", topic: "task", action: {} }, { timeout: 0.2 });
    expect(replies.size).toBe(0);
    expect((await bench.control.ask("shutdown", {}, { timeout: 0.2 })).size).toBe(0);
    await worker.stopped;
  });

  test("shows what it runs, what it holds, and what waits in its queues", async () => {
    const worker = await bench.startWorker();
    const { waits, add } = bench.tasks;
    const running = await waits.delay(600);
    await untilRuns(worker, running);
    const held = await add.delay(1, 2);
    const later = await add.applyAsync([3, 4], { countdown: 600 });
    await until(() => worker.parts.ledger.reserved().length === 1);

    const { inspect } = bench.control;
    const limit = { limit: 1, timeout: 5 };
    const active = (await inspect.active(limit)).answers.get(NODE);
    expect(active).toMatchObject([{ id: running.id, type: "t.waits", args: [600], workerPid: process.pid }]);
    expect(active?.[0]?.started).toBeInstanceOf(Date);
    expect((await inspect.active({ ...limit, safe: true })).answers.get(NODE)).toMatchObject([{ args: "(600,)" }]);
    expect((await inspect.reserved(limit)).answers.get(NODE)).toMatchObject([{ id: held.id, started: undefined }]);
    expect((await inspect.scheduled(limit)).answers.get(NODE)).toMatchObject([
      { request: { id: later.id, args: [3, 4] } },
    ]);
    const queried = (await inspect.queryTask([running.id, held.id, later.id, "nope"], limit)).answers.get(NODE);
    expect([...(queried ?? [])].map(([id, [state]]) => [id, state])).toEqual([
      [running.id, "active"],
      [held.id, "reserved"],
    ]);
  });

  test("shows its settings without secrets", async () => {
    const app = new Lovage("secret", { brokerUrl: "memory://me:hunter2@there", resultBackend: null });
    const worker = new Worker({ app, pool: "solo", hostname: NODE, logger: bench.logger });
    await worker.start();
    const { broadcast } = await app.direct.broker();
    const target = { arguments: {}, timeout: 5, limit: 1 };
    for (const method of ["conf", "report", "stats"]) {
      const replies = await collectReplies(broadcast, { method, ...target });
      expect(JSON.stringify([...replies])).not.toContain("hunter2");
      expect(replies.size).toBe(1);
    }
    const conf = object((await collectReplies(broadcast, { method: "conf", ...target })).get(NODE));
    expect(conf).toEqual({ broker_url: "memory://me:********@there", result_backend: null });
    await worker.abort();
    await app.close();
  });

  test("names tasks with the attributes that were asked for", async () => {
    await bench.startWorker();
    expect(await ask("registered")).toEqual(["t.add", "t.limited [rate_limit=100/m]", "t.spins", "t.waits"]);
    const items = await ask("registered", { taskinfoitems: ["max_retries", "acks_late"] });
    expect(items).toContain("t.limited [max_retries=7 acks_late=True]");
  });
});

describe("revoke", () => {
  test("ends a task that waits in the worker, and stores REVOKED", async () => {
    const worker = await bench.startWorker();
    const running = await bench.tasks.waits.delay(600);
    await untilRuns(worker, running);
    const held = await bench.tasks.add.delay(1, 2);
    await until(() => worker.parts.ledger.find(held.id).length === 1);
    expect(await ask("revoke", { task_id: held.id, terminate: false, signal: "SIGTERM" })).toEqual({
      ok: `tasks {'${held.id}'} flagged as revoked`,
    });
    await expect(held.get({ timeout: 5 })).rejects.toThrow("revoked");
    expect(await running.status()).toBe("PENDING");
  });

  test("tells at once who waits for a task that no worker holds, and keeps it from running later", async () => {
    await bench.startWorker();
    const later = await bench.tasks.add.applyAsync([1, 2], { countdown: 0.4 });
    await ask("revoke", { task_id: [later.id] });
    await expect(later.get({ timeout: 5 })).rejects.toThrow("revoked");
    await bench.logger.line(({ message, fields }) => fields.task === later.id && message.includes("revoked"));
    expect(await later.status()).toBe("REVOKED");
  });

  test("leaves the results of tasks that have ended as they are", async () => {
    await bench.startWorker();
    const done = await bench.tasks.add.delay(1, 2);
    expect(await done.get({ timeout: 5 })).toBe(3);
    await ask("revoke", { task_id: done.id });
    expect(await done.status()).toBe("SUCCESS");
  });

  test("with terminate ends a task that spins, by its process", { timeout: 30_000 }, async () => {
    const worker = await bench.startWorker({ pool: "processes", concurrency: 1 });
    const spinning = await bench.tasks.spins.delay();
    await untilRuns(worker, spinning);
    expect(await ask("revoke", { task_id: spinning.id, terminate: true, signal: "SIGKILL" })).toEqual({
      ok: `terminate: ${spinning.id}`,
    });
    await expect(spinning.get({ timeout: 10 })).rejects.toThrow("terminated");
    expect(await (await bench.tasks.add.delay(1, 2)).get({ timeout: 10 })).toBe(3);
  });

  test("by stamp keeps the tasks from running that carry it", async () => {
    const worker = await bench.startWorker();
    expect(await ask("revoke_by_stamped_headers", { headers: ["batch=7"] })).toEqual({
      ok: "headers ['batch=7'] flagged as revoked, but not terminated",
    });
    const stamped = await bench.app.send({
      name: "t.add",
      args: [1, 2],
      kwargs: {},
      options: { stampedHeaders: ["batch"], stamps: { batch: ["6", "7"] } },
    });
    await expect(stamped.get({ timeout: 5 })).rejects.toThrow("revoked");
    expect(await (await bench.tasks.add.delay(1, 2)).get({ timeout: 5 })).toBe(3);
    expect(worker.parts.revoked.list()).toEqual([]);
  });
});

describe("abort", () => {
  test("asks a running task to stop, which then ends REVOKED", async () => {
    const worker = await bench.startWorker();
    const waiting = await bench.tasks.waits.delay(600);
    await untilRuns(worker, waiting);
    expect(await ask("abort", { task_id: [waiting.id, "unknown"] })).toEqual({ ok: `abort: ${waiting.id}` });
    await expect(waiting.get({ timeout: 5 })).rejects.toBeInstanceOf(TaskRevokedError);
    expect(await waiting.status()).toBe("REVOKED");
  });

  test("says so when it runs none of them, and leaves the next run of the id alone", async () => {
    await bench.startWorker();
    expect(await ask("abort", { task_id: "later" })).toEqual({ ok: "abort: tasks unknown" });
    const later = await bench.tasks.add.applyAsync([1, 2], { taskId: "later" });
    expect(await later.get({ timeout: 5 })).toBe(3);
  });
});

describe("mingle", () => {
  test("tells a worker that starts what is revoked, in numbers that Python takes", async () => {
    const first = await bench.startWorker();
    const id = newId();
    await ask("revoke", { task_id: id });
    const second = await bench.startWorker({ hostname: "w2@example.com" });
    await until(() => second.parts.revoked.has(id));
    expect(first.parts.revoked.has(id)).toBe(true);
  });

  test("writes every time with a fraction", async () => {
    await bench.startWorker();
    await ask("revoke", { task_id: "a" });
    const { broadcast } = await bench.app.direct.broker();
    let text = "";
    const mailbox = newId();
    const subscription = await broadcast.subscribe("replies", mailbox, ({ body }) => {
      text = Buffer.from(body).toString();
    });
    const replyTo = { exchange: "reply.celery.pidbox", routing_key: mailbox };
    const hello = { from_node: "other@example.com", revoked: { b: [2333.5, "b"] } };
    await broadcast.publish(
      "control",
      "",
      encodeControlRequest({ method: "hello", arguments: hello, ticket: "t", replyTo }),
    );
    await until(() => text !== "");
    await subscription.cancel();
    expect(text).toMatch(/"a":\[\d+\.5,"a"\]/);
    expect(text).toMatch(/"b":\[\d+\.5,"b"\]/);
  });
});

describe("a worker's queues", () => {
  test("can be added and cancelled while it runs", async () => {
    const worker = await bench.startWorker();
    expect(await ask("add_consumer", { queue: "extra" })).toEqual({ ok: "add consumer extra" });
    const result = await bench.tasks.add.applyAsync([20, 3], { queue: "extra" });
    expect(await result.get({ timeout: 5 })).toBe(23);
    expect(await ask("cancel_consumer", { queue: "extra" })).toEqual({ ok: "no longer consuming from extra" });
    expect(worker.parts.consumer.queues.map(({ name }) => name)).toEqual(["control"]);
  });

  test("are consumed on when one that is added cannot be declared", async () => {
    await bench.startWorker();
    await ask("add_consumer", { queue: "mine", exchange: "ex", exchange_type: "topic", routing_key: "a.#" });
    const refused = await ask("add_consumer", { queue: "other", exchange: "ex", exchange_type: "fanout" });
    expect(refused).toHaveProperty("error");
    expect(await (await bench.tasks.add.delay(1, 2)).get({ timeout: 5 })).toBe(3);
  });
});

describe("a pool's size", () => {
  test("is changed on order, with the prefetch after it", { timeout: 30_000 }, async () => {
    const worker = await bench.startWorker({ pool: "threads", concurrency: 1 });
    expect(await ask("pool_shrink", { n: 1 })).toEqual({
      error: "ValueError('a pool keeps at least one slot: it has 1, 1 cannot go')",
    });
    expect(await ask("pool_grow", { n: 1 })).toEqual({ ok: "pool will grow" });
    await until(() => worker.parts.pool.size === 2 && worker.parts.consumer.prefetch === 20);
    expect(await ask("pool_shrink", { n: 1 })).toEqual({ ok: "pool will shrink" });
    await until(() => worker.parts.pool.size === 1 && worker.parts.consumer.prefetch === 10);
    expect(await ask("pool_restart", { modules: null, reload: false, reloader: null })).toEqual({
      ok: "reload started",
    });
    expect(await (await bench.tasks.add.delay(1, 2)).get({ timeout: 10 })).toBe(3);
  });

  test("stays as it is where it cannot change", async () => {
    await bench.startWorker();
    expect(await ask("pool_grow", { n: 1 })).toEqual({
      error: "ValueError('pool solo cannot change its size: it has 1 slot')",
    });
    expect(await ask("pool_grow", { n: -1 })).toHaveProperty("error");
  });

  test("is autoscale's to change while that is on", { timeout: 30_000 }, async () => {
    const worker = await bench.startWorker({ pool: "async", autoscale: { min: 1, max: 3 } });
    expect(await ask("pool_grow", { n: 1 })).toEqual({
      error: "pool_grow is not supported with autoscale. Adjust autoscale range instead.",
    });
    expect(await ask("autoscale", { max: 5, min: 2 })).toEqual({ ok: "autoscale now max=5 min=2" });
    expect(worker.parts.pool.size).toBe(2);
    expect(await ask("autoscale", { max: 1, min: 4 })).toHaveProperty("error");
    expect(object(await ask("stats")).autoscaler).toEqual({ max: 5, min: 2, current: 2, qty: 0 });
  });
});

describe("limits and events", () => {
  test("set by remote control hold for the tasks that follow", async () => {
    const worker = await bench.startWorker();
    expect(await ask("rate_limit", { task_name: "t.add", rate_limit: "10/m" })).toEqual({
      ok: "new rate limit set successfully",
    });
    expect(worker.parts.rateLimiter.limits("t.add")).toBe(true);
    expect(await ask("limits")).toMatchObject({
      "t.add": { rate_limit: "10/m", time_limit: null, soft_time_limit: null, origin: "control" },
      "t.limited": { rate_limit: "100/m", origin: "task" },
      "t.waits": { rate_limit: null, origin: "settings" },
    });
    await ask("rate_limit", { task_name: "t.add", rate_limit: null });
    expect(worker.parts.rateLimiter.limits("t.add")).toBe(false);

    await ask("time_limit", { task_name: "t.waits", hard: 0.1, soft: null });
    await expect((await bench.tasks.waits.delay(600)).get({ timeout: 5 })).rejects.toThrow();
  });

  test("are switched on and off, each once", async () => {
    await bench.startWorker();
    expect(await ask("enable_events")).toEqual({ ok: "task events enabled" });
    expect(await ask("enable_events")).toEqual({ ok: "task events already enabled" });
    expect(await ask("disable_events")).toEqual({ ok: "task events disabled" });
    expect(await ask("disable_events")).toEqual({ ok: "task events already disabled" });
  });
});

describe("shutdown", () => {
  test("is warm: what runs is finished first", async () => {
    const worker = await bench.startWorker();
    const running = await bench.tasks.waits.delay(0.3);
    await untilRuns(worker, running);
    await bench.control.shutdown();
    await worker.stopped;
    expect(await running.status()).toBe("SUCCESS");
  });

  test("is cold on demand: what runs goes back to its queue", async () => {
    const worker = await bench.startWorker();
    const running = await bench.tasks.waits.delay(600);
    await untilRuns(worker, running);
    await bench.control.shutdown({ cold: true });
    await worker.stopped;
    const { queues } = await bench.app.direct.broker();
    expect(await queues.counts("control")).toMatchObject({ ready: 1, unacked: 0 });
  });
});
