import { expect, test } from "vitest";
import type { StartOperation } from "../../src/api/operations.js";
import { OperationStore } from "../../src/server/operations/operation-store.js";
import { ADMIN } from "../support/call-route.js";
import { describeDatabases } from "../support/console-database.js";

const ORDER: StartOperation = {
  kind: "rerun",
  filter: { name: "shop.add", state: "FAILURE" },
  waiting: true,
  running: true,
  signal: "SIGTERM",
};

describeDatabases("stored operations", (place) => {
  const open = async (): Promise<OperationStore> => {
    const store = new OperationStore({ database: await (await place()).open() });
    await store.open();
    // Consoles that start together, or again.
    await store.open();
    return store;
  };

  test("are given to one console, and to the next only when the first is silent or gives them back", async () => {
    const store = await open();
    await store.add("a", ORDER, ADMIN, 1000);

    const [first, second] = await Promise.all([store.claim("one", 2000, 10_000), store.claim("two", 2000, 10_000)]);
    expect([first, second].filter((each) => each !== undefined)).toMatchObject([
      { id: "a", state: "running", startedMs: 2000, total: null, by: ADMIN, order: ORDER },
    ]);
    const [holder, other] = first ? ["one", "two"] : ["two", "one"];
    expect(await store.claim(other, 11_999, 10_000)).toBeUndefined();
    expect(await store.renew("a", holder, 30_000)).toBe("held");
    expect(await store.claim(other, 29_999, 10_000)).toBeUndefined();
    await store.release("a", holder);
    expect(await store.claim(other, 3000, 10_000)).toMatchObject({ id: "a", startedMs: 2000 });
    expect(await store.renew("a", holder, 40_000)).toBe("lost");
  });

  test("keep the fate of each target with their counts, and go on behind the last", async () => {
    const store = await open();
    await store.add("a", ORDER, ADMIN, 1000);
    const ids = Array.from({ length: 2500 }, (_, index) => `t${index}`);
    await store.claim("one", 2000, 10_000);
    await store.addTargets("a", "one", ids, 0);
    await store.setTotal("a", "one", ids.length);

    const first = await store.begin("a", "one", 3);
    expect(first).toEqual([
      { seq: 0, target: "t0", begun: false },
      { seq: 1, target: "t1", begun: false },
      { seq: 2, target: "t2", begun: false },
    ]);
    const settled = await store.settle("a", "one", [
      { seq: 0, outcome: "done", detail: "sent" },
      { seq: 2, outcome: "skipped", detail: "it is SUCCESS now" },
    ]);
    expect(settled).toMatchObject({ total: 2500, done: 1, failed: 0, skipped: 1 });
    // The console ended before it knew what became of t1.
    expect(await store.begin("a", "one", 2)).toEqual([
      { seq: 1, target: "t1", begun: true },
      { seq: 3, target: "t3", begun: false },
    ]);
    expect(await store.items("a", { afterSeq: -1, limit: 10 })).toEqual([
      { seq: 0, target: "t0", outcome: "done", detail: "sent" },
      { seq: 2, target: "t2", outcome: "skipped", detail: "it is SUCCESS now" },
    ]);
    expect(await store.items("a", { afterSeq: -1, limit: 10, outcome: "skipped" })).toHaveLength(1);
    expect(await store.items("a", { afterSeq: 0, limit: 1 })).toMatchObject([{ seq: 2 }]);
  });

  test("end once, and are cancelled by whoever holds them", async () => {
    const store = await open();
    await store.add("a", ORDER, ADMIN, 1000);
    await store.claim("one", 2000, 10_000);
    await store.cancel("a");
    expect(await store.renew("a", "one", 20_000)).toBe("cancelled");
    expect(await store.finish("a", "one", "cancelled", null, 5000)).toMatchObject({
      state: "cancelled",
      finishedMs: 5000,
    });
    expect(await store.finish("a", "one", "done", null, 6000)).toBeUndefined();
    expect(await store.claim("two", 99_999, 10_000)).toBeUndefined();
  });

  test("are cancelled by anybody while nobody works on them", async () => {
    const store = await open();
    await store.add("a", ORDER, ADMIN, 1000);
    await store.add("b", ORDER, ADMIN, 1000);
    await store.claim("one", 2000, 10_000);
    const ends = [await store.cancelWaiting("a", 3000), await store.cancelWaiting("b", 3000)];
    expect(ends.filter((each) => each !== undefined)).toMatchObject([{ state: "cancelled", finishedMs: 3000 }]);
  });

  test("take nothing from a console that was held up until another one had taken over", async () => {
    const store = await open();
    await store.add("a", ORDER, ADMIN, 1000);
    await store.claim("one", 2000, 10);
    await store.addTargets("a", "one", ["t0", "t1"], 0);
    await store.setTotal("a", "one", 2);
    const begun = (await store.begin("a", "one", 100)) ?? [];
    await store.claim("two", 9000, 10_000);
    const outcomes = (outcome: "done" | "failed") => begun.map(({ seq }) => ({ seq, outcome, detail: "" }));

    expect(await store.settle("a", "one", outcomes("failed"))).toBeUndefined();
    expect(await store.finish("a", "one", "failed", "no broker", 9500)).toBeUndefined();
    expect(await store.begin("a", "one", 100)).toBeUndefined();
    expect(await store.setTotal("a", "one", 1)).toBeUndefined();
    await store.addTargets("a", "one", ["late"], 2);
    await store.clearTargets("a", "one");

    expect(await store.begin("a", "two", 100)).toEqual(begun.map((each) => ({ ...each, begun: true })));
    expect(await store.settle("a", "two", outcomes("done"))).toMatchObject({ total: 2, done: 2, failed: 0 });
    // What is settled is settled: it counts once.
    expect(await store.settle("a", "two", outcomes("failed"))).toMatchObject({ total: 2, done: 2, failed: 0 });
    expect(await store.items("a", { afterSeq: -1, limit: 10, outcome: "failed" })).toEqual([]);
    expect(await store.finish("a", "two", "done", null, 9600)).toMatchObject({ state: "done", error: null });
  });

  test("are listed newest first, a page at a time, and swept with their items", async () => {
    const store = await open();
    for (const [index, id] of ["a", "b", "c"].entries()) await store.add(id, ORDER, ADMIN, 1000 + index);
    const page = await store.list(2, undefined);
    expect(page.items.map(({ id }) => id)).toEqual(["c", "b"]);
    const rest = await store.list(2, page.nextCursor ?? "");
    expect(rest).toMatchObject({ items: [{ id: "a" }], nextCursor: null });
    expect(await store.count()).toBe(3);

    await store.claim("one", 1500, 10_000);
    await store.addTargets("a", "one", ["t1"], 0);
    await store.finish("a", "one", "done", null, 2000);
    await store.sweep(3000);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.items("a", { afterSeq: -1, limit: 1 })).toEqual([]);
    expect(await store.count()).toBe(2);
  });
});
