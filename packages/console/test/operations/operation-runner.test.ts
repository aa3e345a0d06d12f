import { describe, expect, test } from "vitest";
import type { Operation, OperationDetail } from "../../src/api/operations.js";
import { StoreError } from "../../src/server/store/store-error.js";
import { ActionBench } from "../support/action-bench.js";
import { until } from "../support/until.js";

async function sendMany(bench: ActionBench, name: string, count: number): Promise<readonly string[]> {
  const sent = await Promise.all(Array.from({ length: count }, (_, n) => bench.app.sendTask(name, [n, 1])));
  return sent.map(({ id }) => id);
}
const countOf = async (bench: ActionBench, filter: object): Promise<number> => await bench.tasks.countMatching(filter);
const start = async (bench: ActionBench, body: object): Promise<Operation> =>
  await bench.call<Operation>("post", "/operations", { body });

async function over(bench: ActionBench, id: string): Promise<OperationDetail> {
  const get = async (): Promise<OperationDetail> =>
    await bench.call<OperationDetail>("get", "/operations/{id}", { params: { id }, query: { limit: "200" } });
  await until(async () => !["waiting", "running"].includes((await get()).state));
  return await get();
}

describe("bulk operations", () => {
  test("re-run all that match, each once, and touch nothing else", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const failed = await sendMany(bench, "bench.fail", 150);
    await sendMany(bench, "bench.add", 3);
    await until(async () => (await countOf(bench, { state: "FAILURE" })) === 150);
    bench.orders.failure = undefined;

    // The new tasks match it too: they must not be run again in turn.
    const { id } = await start(bench, { kind: "rerun", filter: { name: "bench.fail" } });
    const done = await over(bench, id);

    expect(done).toMatchObject({ state: "done", total: 150, done: 150, failed: 0, skipped: 0, by: "ann" });
    expect(new Set(done.items.map(({ target }) => target))).toEqual(new Set(failed));
    await until(async () => (await countOf(bench, { state: "SUCCESS", name: "bench.fail" })) === 150);
    expect(await countOf(bench, { name: "bench.fail" })).toBe(300);
    expect(await countOf(bench, { name: "bench.add" })).toBe(3);
  });

  test("keep their count over a restart of the console, and no task is sent under two ids", async () => {
    const bench = await ActionBench.open();
    const ids = await sendMany(bench, "bench.add", 400);
    await until(async () => (await countOf(bench, { name: "bench.add" })) === 400);
    const { id } = await start(bench, { kind: "rerun", ids });
    await until(async () => ((await bench.parts.operations.get(id))?.done ?? 0) >= 100);
    await bench.restartConsole();

    expect(await over(bench, id)).toMatchObject({ state: "done", total: 400, done: 400 });
    const ready = (await (await bench.app.direct.broker()).queues.counts("work"))?.ready;
    expect(ready).toBe(800);
  });

  test("are cancelled at the next batch, and say how far they came", async () => {
    const bench = await ActionBench.open();
    // Many batches: some are left when somebody has seen it begin.
    const count = 3000;
    const ids = await sendMany(bench, "bench.add", count);
    await until(async () => (await countOf(bench, { name: "bench.add" })) === count);
    const { id } = await start(bench, { kind: "rerun", ids });
    await until(async () => ((await bench.parts.operations.get(id))?.done ?? 0) > 0);
    await bench.call("post", "/operations/{id}/cancel", { params: { id } });
    const ended = await over(bench, id);
    expect(ended.state).toBe("cancelled");
    expect((await (await bench.app.direct.broker()).queues.counts("work"))?.ready).toBe(count + ended.done);
  });

  test("skip what changed its state, and keep why each was refused", async () => {
    const bench = await ActionBench.open();
    await bench.worker();
    const [failed = ""] = await sendMany(bench, "bench.fail", 1);
    const [well = ""] = await sendMany(bench, "bench.fail", 1);
    await bench.reached(failed, "FAILURE");
    await bench.reached(well, "FAILURE");
    bench.orders.failure = undefined;
    const { id } = await start(bench, { kind: "retry", ids: [failed, well, "nobody"] });
    const { items } = await over(bench, id);
    expect(items).toMatchObject([
      { target: failed, outcome: "done" },
      { target: well, outcome: "done" },
      { target: "nobody", outcome: "skipped", detail: expect.stringContaining("no record") },
    ]);
    await bench.reached(failed, "SUCCESS");
    const again = await start(bench, { kind: "retry", ids: [failed] });
    expect((await over(bench, again.id)).items).toMatchObject([
      { target: failed, outcome: "skipped", detail: expect.stringContaining("succeeded") },
    ]);
  });

  test("skip what no longer matches the search that they were started from", async () => {
    const bench = await ActionBench.open();
    const failed = { name: "python.add", state: "FAILURE", argsJson: "[1]", kwargsJson: "{}", rootId: "x" };
    for (const id of ["stays", "changes"]) await bench.parts.ingest.learn(id, failed);
    const { tasks } = bench;
    const idsMatching = tasks.idsMatching.bind(tasks);
    tasks.idsMatching = async (...asked) => {
      const ids = await idsMatching(...asked);
      // Between the look and the act.
      await bench.parts.ingest.learn("changes", { state: "SUCCESS", result: "3" });
      return ids;
    };
    const { id } = await start(bench, { kind: "rerun", filter: { q: "state:FAILURE" } });
    const { items } = await over(bench, id);
    expect(items).toMatchObject([
      { target: "changes", outcome: "skipped", detail: "it does not match any more: it is SUCCESS now" },
      { target: "stays", outcome: "done" },
    ]);
  });

  test("go on when the database was away for a moment while it was written down what to act on", async () => {
    const bench = await ActionBench.open();
    const [id = ""] = await sendMany(bench, "bench.add", 1);
    await bench.reached(id, "PENDING");
    const { tasks } = bench;
    const idsMatching = tasks.idsMatching.bind(tasks);
    let failures = 1;
    tasks.idsMatching = async (...asked) => {
      if (failures-- > 0) throw new StoreError("the database is locked");
      return await idsMatching(...asked);
    };
    const started = await start(bench, { kind: "rerun", filter: { name: "bench.add" } });
    expect(await over(bench, started.id)).toMatchObject({ state: "done", total: 1, done: 1, error: null });
  });

  test("a bad query is refused with its position, and nothing is started", async () => {
    const bench = await ActionBench.open();
    await expect(start(bench, { kind: "rerun", filter: { q: "state:(" } })).rejects.toMatchObject({
      position: expect.any(Number),
    });
    await expect(start(bench, { kind: "rerun" })).rejects.toMatchObject({ status: 400, code: "no_targets" });
    expect((await bench.parts.operations.list({ limit: 10, cursor: undefined })).total).toBe(0);
  });
});

describe("stop all", () => {
  test("ends what waits and what runs, once the number is typed", async () => {
    const bench = await ActionBench.open();
    await bench.worker("w1@bench");
    await bench.worker("w2@bench", ["other"]);
    await bench.app.sendTask("bench.hold");
    await bench.app.sendTask("bench.hold", [], { queue: "other" });
    await until(async () => (await countOf(bench, { state: "STARTED" })) === 2);
    await sendMany(bench, "bench.add", 20);
    await until(async () => (await countOf(bench, { name: "bench.add" })) === 20);

    expect(await bench.call("get", "/operations/stop-all")).toEqual({ waiting: 20, running: 2 });
    await expect(start(bench, { kind: "stop-all" })).rejects.toMatchObject({
      status: 409,
      code: "confirmation_needed",
    });
    await expect(start(bench, { kind: "stop-all", confirm: 19 })).rejects.toMatchObject({ code: "count_changed" });
    // One has come since the number was read: on a busy system one always has.
    const { id } = await start(bench, { kind: "stop-all", confirm: 21 });

    expect(await over(bench, id)).toMatchObject({ state: "done", total: 22, done: 22 });
    await until(async () => (await countOf(bench, { state: "REVOKED" })) === 22);
    const counts = await (await bench.app.direct.broker()).queues.counts("work");
    expect(counts).toMatchObject({ ready: 0, unacked: 0 });
    expect(await bench.call("get", "/operations/stop-all")).toEqual({ waiting: 0, running: 0 });
  });
});
