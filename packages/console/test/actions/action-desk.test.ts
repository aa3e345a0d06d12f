import { BrokerConnectionError } from "lovage";
import type { SendOptions } from "lovage/internal";
import { describe, expect, test } from "vitest";
import type { ActionReply } from "../../src/api/common.js";
import type { Attempt, TaskDetail, TaskRaw, TaskTree } from "../../src/api/tasks.js";
import { ActionBench } from "../support/action-bench.js";
import { ADMIN } from "../support/call-route.js";

async function ready(bench: ActionBench): Promise<number> {
  return (await (await bench.app.direct.broker()).queues.counts("work"))?.ready ?? 0;
}

const VIEWER = { ...ADMIN, role: "viewer", seesPayloads: false } as const;

describe("sending", () => {
  test("a task that is sent has a page at once, and runs", async () => {
    const bench = await ActionBench.open();
    const { id } = await bench.call<{ id: string }>("post", "/tasks", { body: { name: "bench.add", args: [2, 3] } });

    expect(await bench.call("get", "/tasks/{id}", { params: { id } })).toMatchObject({
      id,
      name: "bench.add",
      state: "PENDING",
      argsValue: { form: "json", value: [2, 3] },
      exactArguments: { known: true, source: "event" },
      actions: { revoke: { possible: true }, stop: { possible: false, reason: "it does not run yet: revoke it" } },
    });
    await bench.worker();
    expect(await bench.reached(id, "SUCCESS")).toMatchObject({ resultJson: "5", worker: "w1@bench", queue: "work" });
  });

  test("what the task's own schema refuses is not sent, and each field is named", async () => {
    const bench = await ActionBench.open();
    const body = { name: "bench.scrape", kwargs: { blog: 7, limit: 0 } };
    await expect(bench.call("post", "/tasks", { body })).rejects.toMatchObject({
      status: 400,
      code: "validation",
      errors: [{ path: "kwargs.blog" }, { path: "kwargs.limit" }],
    });
    await expect(bench.call("post", "/tasks", { body: { name: "bench.add", kwargs: { x: 1 } } })).rejects.toMatchObject(
      {
        errors: [{ path: "kwargs" }],
      },
    );
    expect((await (await bench.app.direct.broker()).queues.counts("work"))?.ready ?? 0).toBe(0);
  });

  test("an id is used once", async () => {
    const bench = await ActionBench.open();
    const body = { name: "bench.add", args: [1, 1], id: "mine" };
    await bench.call("post", "/tasks", { body });
    await expect(bench.call("post", "/tasks", { body })).rejects.toMatchObject({ status: 409, code: "task_exists" });
  });

  test("an id is used once by all who give it at the same time", async () => {
    const bench = await ActionBench.open();
    const body = { name: "bench.add", args: [1, 1], id: "mine" };
    const asked = await Promise.allSettled([1, 2, 3].map(() => bench.call("post", "/tasks", { body })));
    expect(asked.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(await ready(bench)).toBe(1);
  });

  test("tasks that the app does not know are sent as well, with all digits of their integers", async () => {
    const bench = await ActionBench.open();
    const body = { name: "python.add", args: [{ $bigint: "12345678901234567890" }], queue: "python" };
    const { id } = await bench.call<{ id: string }>("post", "/tasks", { body });
    const [peeked] = await (await bench.app.direct.broker()).queues.peek("python", { limit: 1 });
    expect(Buffer.from(peeked?.message.body ?? []).toString()).toMatch(/^\[\[12345678901234567890\],\{\}/);
    expect(peeked?.message.headers.id).toBe(id);
  });
});

describe("re-running", () => {
  test("sends the same under a new id, and both name each other", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const first = await bench.app.sendTask("bench.add", [2, 3], { priority: 4 });
    await bench.reached(first.id, "SUCCESS");

    const { id } = await bench.call<{ id: string }>("post", "/tasks/{id}/rerun", {
      params: { id: first.id },
      body: {},
    });

    expect(id).not.toBe(first.id);
    expect(await bench.reached(id, "SUCCESS")).toMatchObject({
      resultJson: "5",
      rerunOf: first.id,
      rootId: id,
      parentId: null,
      priority: 4,
    });
    expect(await bench.call("get", "/tasks/{id}", { params: { id: first.id } })).toMatchObject({ rerunAs: [id] });
  });

  test("with changes sends the edited value, once the schema takes it", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const first = await bench.app.sendTask("bench.scrape", [], { kwargs: { blog: "a", limit: 2 } });
    await bench.reached(first.id, "SUCCESS");
    const rerun = (kwargs: object) =>
      bench.call<{ id: string }>("post", "/tasks/{id}/rerun", { params: { id: first.id }, body: { kwargs } });

    await expect(rerun({ blog: "a", limit: "x" })).rejects.toMatchObject({ errors: [{ path: "kwargs.limit" }] });
    const { id } = await rerun({ blog: "b", limit: 4 });
    const record = await bench.reached(id, "SUCCESS");
    expect(JSON.parse(record.kwargsJson ?? "")).toEqual({ blog: "b", limit: 4 });
  });

  test("is refused with the reason where only a text of the arguments is known", async () => {
    const bench = await ActionBench.open();
    await bench.parts.ingest.learn("py", { name: "python.add", args: "(1, <object>)", kwargs: "{}", state: "SUCCESS" });

    expect(await bench.call("get", "/tasks/{id}", { params: { id: "py" } })).toMatchObject({
      argsValue: { form: "repr", value: "(1, <object>)" },
      exactArguments: { known: false, reason: expect.stringContaining("text for people") },
      actions: { rerun: { possible: false, reason: expect.stringContaining("text for people") } },
    });
    const rerun = (body: object) =>
      bench.call<{ id: string }>("post", "/tasks/{id}/rerun", { params: { id: "py" }, body });
    await expect(rerun({})).rejects.toMatchObject({ status: 409, code: "arguments_not_known" });
    await expect(rerun({ args: [1] })).rejects.toMatchObject({ status: 409, code: "arguments_not_known" });
    // With both given, nothing of the old is needed.
    const { id } = await rerun({ args: [1], kwargs: { b: 2 }, queue: "python" });
    expect(await bench.tasks.get(id)).toMatchObject({ argsJson: "[1]", kwargsJson: '{"b":2}', rerunOf: "py" });
  });

  test("never sends what redaction has left of secrets", async () => {
    const bench = await ActionBench.open({ resultBackend: null });
    await bench.worker();
    const kwargs = { blog: "a", limit: 1, token: "hunter2" };
    const { id } = await bench.app.sendTask("bench.scrape", [], { kwargs });
    const record = await bench.reached(id, "SUCCESS");
    expect(JSON.stringify(record)).not.toContain("hunter2");
    await expect(bench.call("post", "/tasks/{id}/rerun", { params: { id }, body: {} })).rejects.toMatchObject({
      code: "arguments_not_known",
      message: expect.stringContaining("secrets"),
    });
  });

  test("sends a task again to the queue that only its result tells, as Python's do", async () => {
    const bench = await ActionBench.open({ resultExtended: true });
    await bench.parts.ingest.learn("old", { name: "python.add", state: "SUCCESS" });
    const backend = await bench.app.direct.backend();
    const ending = { status: "SUCCESS", result: 9, traceback: null, children: null, dateDone: new Date() } as const;
    await backend.store({ taskId: "old", ...ending, args: [4, 5], kwargs: {}, queue: "python" });

    const { id } = await bench.call<{ id: string }>("post", "/tasks/{id}/rerun", { params: { id: "old" }, body: {} });
    await bench.reached(id, "PENDING");
    expect(await bench.tasks.get(id)).toMatchObject({ queue: "python", rerunOf: "old" });
  });

  test("finds exact arguments in the result backend, and on the queue", async () => {
    const bench = await ActionBench.open({ resultExtended: true });
    const waits = await bench.app.sendTask("python.add", [{ a: [1] }], { queue: "python" });
    await bench.reached(waits.id, "PENDING");
    await bench.parts.ingest.learn("old", { name: "bench.add", state: "SUCCESS" });
    const backend = await bench.app.direct.backend();
    await backend.store({
      taskId: "old",
      status: "SUCCESS",
      result: 9,
      traceback: null,
      children: null,
      dateDone: new Date(),
      args: [4, 5],
      kwargs: {},
    });

    const { exactArguments, argsValue, resultValue } = await bench.call<TaskDetail>("get", "/tasks/{id}", {
      params: { id: "old" },
    });
    expect(exactArguments).toEqual({ known: true, source: "result", reason: null });
    expect([argsValue?.value, resultValue?.value]).toEqual([[4, 5], 9]);
    const record = await bench.tasks.get(waits.id);
    if (!record) throw new Error("no record");
    expect(await bench.actions.arguments.find({ ...record, argsJson: null })).toMatchObject({
      source: "queue",
      args: [{ a: [1] }],
    });
  });

  test("of a task that nobody knows is a 404", async () => {
    const bench = await ActionBench.open();
    await expect(bench.call("post", "/tasks/{id}/rerun", { params: { id: "no" }, body: {} })).rejects.toMatchObject({
      status: 404,
      code: "no_record",
    });
  });
});

describe("retrying", () => {
  test("sends a failed task again under its own id, and its attempts show both tries", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.fail", [1]);
    await bench.reached(id, "FAILURE");
    bench.orders.failure = undefined;

    await bench.call("post", "/tasks/{id}/retry", { params: { id } });

    expect(await bench.reached(id, "SUCCESS")).toMatchObject({ rootId: id, error: null });
    const { items } = await bench.call<{ items: Attempt[] }>("get", "/tasks/{id}/attempts", { params: { id } });
    expect(items.map(({ number, state, error }) => [number, state, error])).toEqual([
      [1, "FAILURE", "TypeError('no luck')"],
      [2, "SUCCESS", null],
    ]);
  });

  test("that fails again is a failure, not a task that waits for ever", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.fail", [1]);
    await bench.reached(id, "FAILURE");
    bench.orders.failure = "still not";
    await bench.actions.retry(id, ADMIN);
    const record = await bench.reached(id, "FAILURE");
    if (record.error !== "TypeError('still not')") {
      await expect.poll(async () => (await bench.tasks.get(id))?.error).toBe("TypeError('still not')");
    }
  });

  test("is refused for what succeeded, and for what is not over", async () => {
    const bench = await ActionBench.open();
    const { id } = await bench.app.sendTask("bench.add", [1, 2]);
    await bench.reached(id, "PENDING");
    await expect(bench.actions.retry(id, ADMIN)).rejects.toMatchObject({ status: 409, code: "retry_not_possible" });
    await bench.worker();
    await bench.reached(id, "SUCCESS");
    await expect(bench.actions.retry(id, ADMIN)).rejects.toThrow("its result is never replaced");
  });

  test("asked for several times at once sends it once", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.fail", [1]);
    await bench.reached(id, "FAILURE");
    await bench.stopWorkers();
    const asked = await Promise.allSettled([1, 2, 3].map(() => bench.actions.retry(id, ADMIN)));
    expect(asked.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(asked.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { status: 409, code: "retry_not_possible" },
    });
    expect(await ready(bench)).toBe(1);
  });

  test("is possible once more after the broker did not take it", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.fail", [1]);
    await bench.reached(id, "FAILURE");
    await bench.stopWorkers();
    const broker = await bench.app.direct.broker();
    const publish = broker.publish.bind(broker);
    broker.publish = () => Promise.reject(new BrokerConnectionError("connection refused"));
    await expect(bench.actions.retry(id, ADMIN)).rejects.toThrow("connection refused");
    broker.publish = publish;
    await bench.actions.retry(id, ADMIN);
    expect(await ready(bench)).toBe(1);
  });

  test("is refused with the reason where the message that names what follows is gone", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const step = { task: "bench.add", args: [1], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    const send = async (options: SendOptions): Promise<string> => {
      const { id } = await bench.app.send({ name: "bench.fail", args: [1], kwargs: {}, options });
      await bench.reached(id, "FAILURE");
      return id;
    };
    const actions = async (id: string) =>
      (await bench.call<TaskDetail>("get", "/tasks/{id}", { params: { id } })).actions;

    const head = await send({ chain: [step] });
    const reason = "its message is gone, and the rest of its chain would not run: re-run it";
    expect((await actions(head)).retry).toEqual({ possible: false, reason });
    await expect(bench.actions.retry(head, ADMIN)).rejects.toMatchObject({ code: "retry_not_possible" });
    const part = await send({ groupId: "g1", chord: step });
    expect((await actions(part)).retry.reason).toContain("the body of its chord would not run");
    // Nothing follows on this one, and its worker said so.
    const plain = await send({ groupId: "g2" });
    expect((await actions(plain)).retry.possible).toBe(true);
  });

  test("is refused for one of a Python group, and for what may be a step of a Python chain", async () => {
    const bench = await ActionBench.open();
    const known = { name: "python.add", state: "FAILURE", argsJson: "[1]", kwargsJson: "{}" };
    await bench.parts.ingest.learn("part", { ...known, rootId: "part", groupId: "g" });
    await bench.parts.ingest.learn("step", { ...known, rootId: "head", parentId: "head" });
    await bench.parts.ingest.learn("alone", { ...known, rootId: "alone" });
    await expect(bench.actions.retry("part", ADMIN)).rejects.toThrow("one of a group");
    await expect(bench.actions.retry("step", ADMIN)).rejects.toThrow("a step of a chain");
    expect(await bench.actions.retry("alone", ADMIN)).toEqual({ id: "alone" });
  });
});

describe("ending", () => {
  test("a waiting task is revoked, and never runs", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const held = await bench.app.sendTask("bench.hold");
    await bench.reached(held.id, "STARTED");
    const waits = await bench.app.sendTask("bench.add", [1, 1]);
    await bench.reached(waits.id, "RECEIVED");

    const reply = await bench.call<ActionReply>("post", "/tasks/{id}/revoke", { params: { id: waits.id } });
    expect(reply.outcomes).toEqual([{ target: waits.id, outcome: "done", detail: "w1@bench will not run it" }]);
    expect(await bench.actions.revoke([held.id], ADMIN)).toMatchObject([{ outcome: "skipped" }]);
    await bench.actions.stop([held.id], ADMIN);
    expect(await bench.reached(waits.id, "REVOKED")).toMatchObject({ startedMs: null });
  });

  test("a running task is asked to stop, and says so", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.hold");
    await bench.reached(id, "STARTED");
    const [outcome] = (await bench.call<ActionReply>("post", "/tasks/{id}/stop", { params: { id } })).outcomes;
    expect(outcome).toMatchObject({ outcome: "done", detail: expect.stringContaining("its signal is aborted") });
    await bench.reached(id, "REVOKED");
    expect(await bench.actions.stop([id], ADMIN)).toMatchObject([
      { outcome: "skipped", detail: "it is REVOKED already" },
    ]);
  });

  test("a running task is terminated, and the reply says what that does", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.hold");
    await bench.reached(id, "STARTED");
    const [outcome] = await bench.actions.terminate([id], "SIGTERM", ADMIN);
    expect(outcome).toMatchObject({ target: id, outcome: "done", detail: expect.stringContaining("w1@bench: ") });
    await bench.reached(id, "REVOKED");
  });

  test("with no worker there, nobody has heard", async () => {
    const bench = await ActionBench.open();
    const { id } = await bench.app.sendTask("bench.add", [1, 2]);
    await bench.reached(id, "PENDING");
    expect(await bench.actions.revoke([id], ADMIN)).toMatchObject([{ outcome: "no-answer" }]);
  });
});

describe("a task's page", () => {
  test("shows nothing of contents to who may not see them", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.scrape", [], { kwargs: { blog: "my blog", limit: 2 } });
    await bench.reached(id, "SUCCESS");
    const seen = await Promise.all(
      ["", "/events", "/logs", "/raw", "/canvas"].map((tab) =>
        bench.call<object>("get", `/tasks/{id}${tab}`, { params: { id }, user: VIEWER }),
      ),
    );
    for (const page of seen) expect(JSON.stringify(page)).not.toMatch(/my blog|saved|first page|scraping/);
    expect(seen[0]).toMatchObject({ kwargsValue: { form: "hidden" }, resultValue: { form: "hidden" } });
  });

  test("shows its log, its family, and what is on the wire", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.scrape", [], { kwargs: { blog: "b", limit: 2 } });
    await bench.reached(id, "SUCCESS");
    expect(await bench.call("get", "/tasks/{id}/logs", { params: { id } })).toMatchObject({
      items: [{ message: "scraping", level: "info", fields: { limit: 2 }, attempt: 1 }],
      cut: false,
    });
    expect((await bench.call<TaskTree>("get", "/tasks/{id}/canvas", { params: { id } })).tasks).toMatchObject([{ id }]);
    const readRaw = () => bench.call<TaskRaw>("get", "/tasks/{id}/raw", { params: { id } });
    expect((await readRaw()).result).toMatchObject({ status: "SUCCESS", result: { saved: 2 } });
    // The sender tells of it in a message of its own, which may be the last to come.
    await expect
      .poll(async () => (await readRaw()).events.map(({ type }) => type).sort())
      .toEqual(["task-received", "task-sent", "task-started", "task-succeeded"]);

    const waits = await bench.app.sendTask("python.add", [7], { queue: "python" });
    await bench.reached(waits.id, "PENDING");
    const { message } = await bench.call<TaskRaw>("get", "/tasks/{id}/raw", { params: { id: waits.id } });
    expect(message).toMatchObject({ queue: "python", headers: { task: "python.add" } });
    expect(JSON.stringify(message?.body)).toContain("[7]");
  });

  test("of an id that only the result backend knows is made from that, and of any other is a 404", async () => {
    const bench = await ActionBench.open();
    const backend = await bench.app.direct.backend();
    await backend.store({
      taskId: "old",
      status: "SUCCESS",
      result: { n: 1 },
      traceback: null,
      children: null,
      dateDone: new Date(),
    });
    expect(await bench.call("get", "/tasks/{id}", { params: { id: "old" } })).toMatchObject({
      state: "SUCCESS",
      name: null,
      resultValue: { value: { n: 1 } },
    });
    await expect(bench.call("get", "/tasks/{id}", { params: { id: "nobody" } })).rejects.toMatchObject({
      status: 404,
      code: "no_record",
      message: "no record of task nobody; it may have expired",
    });
  });

  test("is forgotten when it is over", async () => {
    const bench = await ActionBench.open();
    const { id } = await bench.app.sendTask("bench.add", [1, 2]);
    await bench.reached(id, "PENDING");
    expect(await bench.actions.forget([id], ADMIN)).toMatchObject([{ outcome: "skipped" }]);
    await bench.worker();
    await bench.reached(id, "SUCCESS");
    expect(await bench.call("delete", "/tasks/{id}", { params: { id } })).toMatchObject({
      outcomes: [{ outcome: "done" }],
    });
    expect(await bench.tasks.get(id)).toBeUndefined();
    await expect(bench.call("delete", "/tasks/{id}", { params: { id } })).rejects.toMatchObject({ status: 404 });
  });
});
