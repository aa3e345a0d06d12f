import { beforeEach, describe, expect, test } from "vitest";
import { SearchError } from "../../src/server/store/search-language.js";
import { TaskListError } from "../../src/server/store/task-order.js";
import { emptyRecord, type StoredEvent, type StoredLog, type TaskRecord } from "../../src/server/store/task-record.js";
import type { TaskListRequest, TaskStore } from "../../src/server/store/task-store.js";

/** An instant all tests count from; far enough back for nothing to be due later by accident. */
const T = Date.UTC(2026, 0, 31, 10);
const DAY_MS = 86_400_000;

/** What every `TaskStore` promises. `open` gives a new and empty one. */
export function taskStoreContract(open: () => Promise<TaskStore>): void {
  let store: TaskStore;
  beforeEach(async () => {
    store = await open();
  });
  const put = (...records: TaskRecord[]) => store.put({ records, events: [], logs: [] });
  const list = (request: Partial<TaskListRequest> = {}) =>
    store.list({ filter: {}, sort: "-received", limit: 50, cursor: undefined, ...request });
  const idsOf = async (request: Partial<TaskListRequest> = {}) => (await list(request)).records.map(({ id }) => id);
  const found = async (q: string) => (await idsOf({ filter: { q } })).sort();

  describe("records", () => {
    test("come back as they were put, every member of them", async () => {
      const full = fullRecord("full");
      await put(full, emptyRecord("empty", T));
      expect(await store.get("full")).toEqual(full);
      expect(await store.get("empty")).toEqual(emptyRecord("empty", T));
      expect(await store.get("unknown")).toBeUndefined();
    });

    test("replace those of their ids whole, also within a batch", async () => {
      await put(fullRecord("a"), task("b", { state: "STARTED" }));
      await put(task("a", { state: "SUCCESS" }), task("b"), task("b", { state: "FAILURE" }));
      expect(await store.get("a")).toEqual(task("a", { state: "SUCCESS" }));
      expect((await store.get("b"))?.state).toBe("FAILURE");
      expect(await store.stateCounts()).toEqual({ SUCCESS: 1, FAILURE: 1 });
    });

    test("are read many at a time, in the order of their ids in the question", async () => {
      await put(task("a"), task("b"), task("c"));
      expect((await store.getMany(["c", "x", "a", "c"])).map(({ id }) => id)).toEqual(["c", "a"]);
      expect(await store.getMany([])).toEqual([]);
    });

    test("take whatever strangers send", async () => {
      const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
      const hostile = {
        name: `Robert'); DROP TABLE tasks;-- % _ \\ "?" $1 ${"n".repeat(20_000)}`,
        args: `\u202e\u2066(rtl) <script>alert(1)</script> \u{1f600}`,
        kwargs: "x".repeat(1_000_000),
        kwargsJson: deep,
        argsJson: `{"a":"\\u0000 \\ud800"}`,
        worker: `celery@a/b \u00e9 ${"w".repeat(5_000)}`,
        queue: "q.\u00e9 1",
        state: `MY ${"S".repeat(3_000)}`,
        rootId: "r".repeat(9_000),
        fingerprint: "f".repeat(9_000),
        retries: Number.POSITIVE_INFINITY,
        runtime: Number.NaN,
        etaMs: 1e300,
        sentMs: -1.5,
      };
      await put(task(`id \0 \ud800 ' ${"i".repeat(9_000)}`, hostile), task("plain"));
      const record = await store.get(`id \0 \ud800 ' ${"i".repeat(9_000)}`);
      expect(record).toMatchObject({
        args: hostile.args,
        kwargs: hostile.kwargs,
        kwargsJson: deep,
        argsJson: hostile.argsJson,
        queue: hostile.queue,
        runtime: null,
      });
      expect(record?.id).toMatch(/^id \ufffd \ufffd ' i+$/);
      expect(await found("plain")).toEqual(["plain"]);
      expect(await idsOf({ filter: { name: hostile.name } })).toHaveLength(0);
      expect(await found(`name:"DROP TABLE tasks;-- %"`)).toHaveLength(1);
      expect(await found(`kwargs:a=1 OR "\\\\ \\"?"`)).toHaveLength(1);
      expect((await store.events("plain")).length).toBe(0);
    });
  });

  describe("events and logs", () => {
    test("are kept with their task, in order", async () => {
      const events = [event("a", "task-sent"), event("b", "task-sent"), event("a", "task-started", { atMs: T + 1 })];
      await store.put({ records: [task("a"), task("b")], events, logs: [] });
      await store.put({ records: [], events: [event("a", "task-succeeded", { attempt: 2, clock: 9 })], logs: [] });
      expect(await store.events("a")).toEqual([
        events[0],
        events[2],
        event("a", "task-succeeded", { attempt: 2, clock: 9 }),
      ]);
      expect(await store.events("unknown")).toEqual([]);
    });

    test("logs are numbered in order, and followed by number", async () => {
      const first = await store.put({
        records: [task("a"), task("b")],
        events: [],
        logs: [log("a", "one"), log("b", "two"), log("nobody", "lost"), log("a", "three \0")],
      });
      const [one = 0, two = 0, lost, three = 0] = first.logSeqs;
      expect(one).toBeGreaterThan(0);
      expect(two).toBeGreaterThan(one);
      expect(lost).toBe(0);
      expect(three).toBeGreaterThan(two);
      const { logSeqs } = await store.put({ records: [], events: [], logs: [log("a", "four")] });
      expect(await store.logs("a", { afterSeq: 0, limit: 2 })).toEqual([
        { ...log("a", "one"), seq: one },
        { ...log("a", "three \ufffd"), seq: three },
      ]);
      expect((await store.logs("a", { afterSeq: three, limit: 10 })).map(({ seq }) => seq)).toEqual(logSeqs);
    });

    test("logs of runs are read newest first, by level and text", async () => {
      await store.put({
        records: [
          task("a", { runId: "r1" }),
          task("b", { runId: "r1" }),
          task("c", { runId: "r2" }),
          task("d", { runId: "r3" }),
        ],
        events: [],
        logs: [
          log("a", "Page 1"),
          log("b", "page 2", { level: "error" }),
          log("c", "PAGE 3"),
          log("d", "page 4"),
          log("a", "100%"),
        ],
      });
      const read = async (options: { limit?: number; beforeSeq?: number; level?: string[]; q?: string }) =>
        store.logsOfRuns(["r1", "r2", "r1"], { beforeSeq: undefined, limit: 10, ...options });
      const all = await read({});
      expect(all.map(({ message, runId, taskId }) => [message, runId, taskId])).toEqual([
        ["100%", "r1", "a"],
        ["PAGE 3", "r2", "c"],
        ["page 2", "r1", "b"],
        ["Page 1", "r1", "a"],
      ]);
      const before = all[1]?.seq ?? 0;
      expect((await read({ beforeSeq: before, limit: 1 })).map(({ message }) => message)).toEqual(["page 2"]);
      expect((await read({ q: "page" })).map(({ message }) => message)).toEqual(["PAGE 3", "page 2", "Page 1"]);
      expect((await read({ q: "0%", level: ["info"] })).map(({ message }) => message)).toEqual(["100%"]);
      expect((await read({ level: ["error", "warn"] })).map(({ message }) => message)).toEqual(["page 2"]);
      expect(await store.logsOfRuns([], { beforeSeq: undefined, limit: 10 })).toEqual([]);
    });
  });

  describe("lists", () => {
    test("begin with what was received last, or first heard of", async () => {
      await put(
        task("heard", { firstMs: T + 2 }),
        task("received", { firstMs: T, receivedMs: T + 3 }),
        task("oldest", { firstMs: T + 9, receivedMs: T + 1 }),
      );
      expect(await idsOf()).toEqual(["received", "heard", "oldest"]);
      expect(await idsOf({ sort: "received" })).toEqual(["oldest", "heard", "received"]);
    });

    test("are paged by each sort in both directions without a gap or a repeat, with the unknown last", async () => {
      const records = Array.from({ length: 40 }, (_, at) =>
        task(`t${at}`, {
          firstMs: T + (at % 7),
          name: at % 5 === 0 ? null : `n${at % 3}`,
          state: ["SUCCESS", "FAILURE", "STARTED"][at % 3] ?? "",
          sentMs: at % 4 === 0 ? null : T + (at % 6),
          startedMs: at % 2 ? T - at : null,
          finishedMs: at % 3 ? T + at : null,
          runtime: at % 3 ? (at % 8) / 4 : null,
          retries: at % 2,
        }),
      );
      await put(...records);
      for (const [sort, member] of Object.entries(SORTED_BY)) {
        for (const direction of ["", "-"]) {
          const seen: TaskRecord[] = [];
          for (let cursor: string | null | undefined; cursor !== null; ) {
            const page = await list({ sort: `${direction}${sort}`, limit: 7, cursor });
            seen.push(...page.records);
            cursor = page.nextCursor;
          }
          expect(new Set(seen.map(({ id }) => id)).size).toBe(40);
          expect(seen).toHaveLength(40);
          const keys = seen.map((record) => record[member]);
          const known = keys.filter((key) => key !== null);
          expect(keys.slice(0, known.length)).toEqual(known);
          const sorted = [...known].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
          expect(known).toEqual(direction === "-" ? sorted.reverse() : sorted);
        }
      }
    });

    test("go on behind their cursor when tasks come and go meanwhile", async () => {
      await put(...Array.from({ length: 6 }, (_, at) => task(`t${at}`, { firstMs: T + at })));
      const page = await list({ limit: 2 });
      await put(task("new", { firstMs: T + 100 }));
      await store.forget(["t4", "t3"]);
      const next = await list({ limit: 2, cursor: page.nextCursor ?? "" });
      expect(next.records.map(({ id }) => id)).toEqual(["t2", "t1"]);
      expect((await list({ limit: 2, cursor: next.nextCursor ?? "" })).nextCursor).toBeNull();
    });

    test("refuse sorts and cursors that are none", async () => {
      for (const sort of ["", "-", "nothing", "constructor", "received; DROP TABLE tasks", "--received"])
        await expect(list({ sort })).rejects.toThrow(TaskListError);
      await put(task("a"), task("b"));
      const { nextCursor } = await list({ limit: 1 });
      expect(nextCursor).not.toBeNull();
      for (const cursor of ["", "x", "W10", Buffer.from('["received",true,false,{},[]]').toString("base64url")])
        await expect(list({ cursor })).rejects.toThrow(TaskListError);
      const forged = Buffer.from('["received",true,false,"now","later"]').toString("base64url");
      await expect(list({ cursor: forged })).rejects.toThrow(TaskListError);
      await expect(list({ sort: "name", cursor: nextCursor ?? "" })).rejects.toThrow(TaskListError);
    });

    test("are filtered by columns, of which several values may be asked", async () => {
      await put(
        task("a", { name: "x", worker: "w1", queue: "q1", schedule: "s", state: "SUCCESS", firstMs: T }),
        task("b", {
          name: "y",
          worker: "w2",
          queue: "q1",
          job: "j",
          runId: "b",
          state: "FAILURE",
          fingerprint: "f",
          firstMs: T + 1,
        }),
        task("c", { name: "x,y", worker: "w1", queue: "q2", firstMs: T + 2, receivedMs: T + 10 }),
      );
      expect(await idsOf({ filter: { name: "x" } })).toEqual(["a"]);
      expect(await idsOf({ filter: { name: "x,y" } })).toEqual(["c", "b", "a"]);
      expect(await idsOf({ filter: { worker: "w1", queue: "q1" } })).toEqual(["a"]);
      expect(await idsOf({ filter: { worker: "w" } })).toEqual([]);
      expect(await idsOf({ filter: { schedule: "s" } })).toEqual(["a"]);
      expect(await idsOf({ filter: { job: "j", runId: "b", error: "f" } })).toEqual(["b"]);
      expect(await idsOf({ filter: { state: "FAILURE,SUCCESS" } })).toEqual(["b", "a"]);
      expect(await idsOf({ filter: { state: "FAILURE,SUCCESS", q: "name:x" } })).toEqual(["a"]);
      const instant = (ms: number) => new Date(ms).toISOString();
      expect(await idsOf({ filter: { receivedFrom: instant(T + 1) } })).toEqual(["c", "b"]);
      expect(await idsOf({ filter: { receivedFrom: instant(T), receivedTo: instant(T + 1) } })).toEqual(["a"]);
    });

    test("tell pending tasks with an ETA to come apart as SCHEDULED", async () => {
      const later = Date.now() + DAY_MS;
      await put(
        task("due", { etaMs: T }),
        task("pending"),
        task("later", { etaMs: later }),
        task("running", { etaMs: later, state: "STARTED" }),
      );
      expect(await idsOf({ filter: { state: "SCHEDULED" } })).toEqual(["later"]);
      expect((await idsOf({ filter: { state: "PENDING" } })).sort()).toEqual(["due", "pending"]);
      expect((await idsOf({ filter: { state: "PENDING,SCHEDULED" } })).sort()).toEqual(["due", "later", "pending"]);
      expect(await store.stateCounts()).toEqual({ PENDING: 2, SCHEDULED: 1, STARTED: 1 });
      expect((await list({ filter: { q: "id:e" } })).states).toEqual({ PENDING: 2, SCHEDULED: 1 });
    });

    test("count what matches in all and in each state, whatever states are asked for", async () => {
      await put(
        ...Array.from({ length: 9 }, (_, at) => task(`s${at}`, { state: "SUCCESS", name: at < 4 ? "x" : "y" })),
        ...Array.from({ length: 3 }, (_, at) => task(`f${at}`, { state: "FAILURE", name: "x" })),
      );
      const page = await list({ filter: { name: "x", state: "FAILURE" }, limit: 2 });
      expect(page.total).toEqual({ count: 3, exact: true });
      expect(page.states).toEqual({ SUCCESS: 4, FAILURE: 3 });
      expect((await list()).total).toEqual({ count: 12, exact: true });
      expect((await list({ filter: { state: "SUCCESS" } })).total).toEqual({ count: 9, exact: true });
      expect(await store.countMatching({ name: "x", q: "state:SUCCESS" })).toBe(4);
      expect(await store.countMatching({})).toBe(12);
    });

    test("give the ids of all that match, page after page, also when those of the last one are gone", async () => {
      const ids = Array.from({ length: 25 }, (_, at) => `t${String(at).padStart(2, "0")}`);
      await put(...ids.map((id, at) => task(id, { state: at % 5 ? "SUCCESS" : "FAILURE" })));
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await store.idsMatching({ state: "SUCCESS" }, { after, limit: 6 });
        if (page.length === 0) break;
        seen.push(...page);
        after = page.at(-1);
        await store.forget(page);
      }
      expect(seen.sort()).toEqual(ids.filter((_, at) => at % 5));
    });
  });

  describe("searches", () => {
    beforeEach(async () => {
      await put(
        task("a1", {
          name: "images.resize",
          args: `['Cat.png', 1]`,
          kwargs: `{'user': 42, 'label': 'it\\'s', 'on': True}`,
          kwargsJson: `{"user":42,"label":"it's","on":true,"deep":{"key":"v"}}`,
          state: "SUCCESS",
          result: "{'size': 100%}",
          worker: "celery@web-1",
          queue: "images",
          sentMs: T,
          startedMs: T + 90_000,
          runtime: 7.5,
          receivedMs: T,
          rootId: "root-1",
          schedule: "nightly",
        }),
        task("b2", {
          name: "mail.send",
          args: `['dog_png']`,
          kwargs: `{"user": "42", "label": "Cat"}`,
          state: "FAILURE",
          error: "ValueError: no 'cat' (here)",
          worker: "celery@web-2",
          queue: "mail",
          retries: 2,
          runtime: 0.5,
          receivedMs: T + 60_000,
          parentId: "a1",
          groupId: "g-1",
          job: "mailing",
        }),
        task("c3", { state: "RETRY", receivedMs: T + DAY_MS, retries: 1 }),
      );
    });

    const CASES: readonly (readonly [string, readonly string[]])[] = [
      ["", ["a1", "b2", "c3"]],
      ["cat", ["a1", "b2"]],
      ["CAT.PNG", ["a1"]],
      ["web- mail", ["b2"]],
      ["web- AND mail", ["b2"]],
      ["state:FAILURE OR state:RETRY", ["b2", "c3"]],
      ["state:fail", []],
      ["-cat", ["c3"]],
      ["NOT error:cat", ["a1", "c3"]],
      ["-(name:mail OR state:RETRY)", ["a1"]],
      ["web- -name:mail", ["a1"]],
      ["error:\"'cat' (here)\"", ["b2"]],
      ["args:png", ["a1", "b2"]],
      ["args:_png", ["b2"]],
      ["result:100%", ["a1"]],
      ["result:1%0", []],
      ["kwargs:label", ["a1", "b2"]],
      ["kwargs:user=42", ["a1", "b2"]],
      ["kwargs:user=4", []],
      ["kwargs:label=cat", []],
      ["kwargs:label=Cat", ["b2"]],
      ['kwargs:label="it\'s"', ["a1"]],
      ["kwargs:on=true", ["a1"]],
      ["kwargs:key=v", ["a1"]],
      ["runtime:>5", ["a1"]],
      ["runtime:<=.5", ["b2"]],
      ["-runtime:>5", ["b2", "c3"]],
      ["runtime:7.5", ["a1"]],
      ["wait:>60", ["a1"]],
      ["retries:>0", ["b2", "c3"]],
      ["retries:0", ["a1"]],
      ["received:>=2026-01-31T10:01", ["b2", "c3"]],
      ["received:>2026-01-31T10:01", ["c3"]],
      ["received:2026-01-31", ["a1", "b2"]],
      ["received:<2026-01-31T11:00+01:00", []],
      ["root:ROOT", ["a1"]],
      ["parent:a1", ["b2"]],
      ["group:g-", ["b2"]],
      ["schedule:night job:x", []],
      ["job:mail", ["b2"]],
      ["id:2", ["b2"]],
      ["queue:images worker:web-1", ["a1"]],
    ];
    test.each(CASES)("%s finds %j", async (query, expected) => {
      expect(await found(query)).toEqual(expected);
      expect(await store.countMatching({ q: query })).toBe(expected.length);
    });

    test("tell which of some tasks match, by the instant that is given", async () => {
      const ids = ["a1", "a2", "nobody"];
      await put(task("a2", { state: "PENDING", etaMs: T + 1000 }));
      expect(await store.matching({}, ids, T)).toEqual(new Set(["a1", "a2"]));
      expect(await store.matching({ q: "resize" }, ids, T)).toEqual(new Set(["a1"]));
      expect(await store.matching({ q: "state:SCHEDULED" }, ids, T)).toEqual(new Set(["a2"]));
      expect(await store.matching({ state: "SCHEDULED" }, ids, T + 2000)).toEqual(new Set());
    });

    test("say where a query goes wrong", async () => {
      await expect(list({ filter: { q: "cat (" } })).rejects.toThrow(SearchError);
      await expect(store.countMatching({ q: "runtime:fast" })).rejects.toMatchObject({ position: 8 });
      await expect(store.idsMatching({ q: "AND" }, { after: undefined, limit: 1 })).rejects.toThrow(SearchError);
    });

    test("find what is rare far behind, and what came or changed a moment ago", async () => {
      const filler = Array.from({ length: 5_000 }, (_, at) =>
        task(`z${at}`, { firstMs: T + 2 * DAY_MS + at, name: "filler" }),
      );
      await put(...filler);
      expect(await found("resize")).toEqual(["a1"]);
      expect(await found("nowhere-at-all")).toEqual([]);
      await put(task("z7", { name: "needle.in.hay", state: "SUCCESS" }));
      expect(await found("LE.IN.HA")).toEqual(["z7"]);
      expect(await idsOf({ filter: { q: "needle" }, sort: "name" })).toEqual(["z7"]);
      const page = await list({ filter: { q: "filler" }, limit: 3 });
      expect(page.records.map(({ id }) => id)).toEqual(["z4999", "z4998", "z4997"]);
      const next = await list({ filter: { q: "filler" }, limit: 1, cursor: page.nextCursor ?? "" });
      expect(next.records.map(({ id }) => id)).toEqual(["z4996"]);
      expect(page.searchedToMs).toBeUndefined();
    });

    test("page through what is rare in any order, those without a value last", async () => {
      const runtimes = [0.5, null, 3, 0.25, null, 3];
      const rare = runtimes.map((runtime, at) =>
        task(`rare${at}`, { firstMs: T + at, name: "needle.in.hay", runtime }),
      );
      const filler = Array.from({ length: 3_000 }, (_, at) =>
        task(`z${at}`, { firstMs: T + DAY_MS + at, name: "filler", runtime: at / 1000 }),
      );
      await put(...rare, ...filler);
      const paged = async (sort: string): Promise<string[]> => {
        const ids: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await list({ filter: { q: "needle" }, sort, limit: 2, cursor });
          ids.push(...page.records.map(({ id }) => id));
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        return ids;
      };
      expect(await paged("-runtime")).toEqual(["rare5", "rare2", "rare0", "rare3", "rare4", "rare1"]);
      expect(await paged("runtime")).toEqual(["rare3", "rare0", "rare2", "rare5", "rare1", "rare4"]);
      expect(await paged("-name")).toEqual(["rare5", "rare4", "rare3", "rare2", "rare1", "rare0"]);
    });
  });

  describe("families", () => {
    test("are read from the root, with children and re-runs", async () => {
      await put(
        task("root", { rootId: "root", firstMs: T }),
        task("b", { rootId: "root", parentId: "root", firstMs: T + 2 }),
        task("a", { rootId: "root", parentId: "root", firstMs: T + 1 }),
        task("c", { rootId: "root", parentId: "a", firstMs: T + 3 }),
        task("again", { rerunOf: "root", rootId: "again" }),
      );
      expect((await store.family("root", 10)).map(({ id }) => id)).toEqual(["root", "a", "b", "c"]);
      expect((await store.family("root", 2)).map(({ id }) => id)).toEqual(["root", "a"]);
      expect(await store.childrenOf("root", 10)).toEqual(["a", "b"]);
      expect(await store.childrenOf("root", 1)).toEqual(["a"]);
      expect(await store.rerunsOf("root")).toEqual(["again"]);
      expect(await store.family("unknown", 10)).toEqual([]);
    });
  });

  describe("statistics", () => {
    test("group failures that are alike, with their trend over the range", async () => {
      const failed = (id: string, finishedMs: number, more: Partial<TaskRecord> = {}) =>
        task(id, {
          state: "FAILURE",
          fingerprint: "f1",
          error: `E('${id}')`,
          name: "n",
          worker: "w1",
          queue: "q",
          finishedMs,
          ...more,
        });
      await put(
        failed("a", T),
        failed("b", T + 11, { worker: "w2" }),
        failed("c", T + 11, { fingerprint: "f2", name: "m", queue: "p", worker: null }),
        failed("late", T + 12),
        failed("early", T - 1),
        task("fine", { state: "SUCCESS", finishedMs: T }),
      );
      const groups = await store.errorGroups({ fromMs: T, toMs: T + 12 });
      expect(groups).toEqual([
        {
          fingerprint: "f1",
          error: "E('b')",
          task: "n",
          count: 2,
          trend: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
          firstMs: T,
          lastMs: T + 11,
          workers: ["w1", "w2"],
          sampleId: "b",
        },
        {
          fingerprint: "f2",
          error: "E('c')",
          task: "m",
          count: 1,
          trend: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
          firstMs: T + 11,
          lastMs: T + 11,
          workers: [],
          sampleId: "c",
        },
      ]);
      const narrowed = { fromMs: T, toMs: T + 12 };
      expect((await store.errorGroups({ ...narrowed, task: "m" })).map(({ fingerprint }) => fingerprint)).toEqual([
        "f2",
      ]);
      expect((await store.errorGroups({ ...narrowed, queue: "q" })).map(({ count }) => count)).toEqual([2]);
      expect(await store.errorGroups({ fromMs: 0, toMs: 1 })).toEqual([]);
    });

    test("sum up each task type over what finished lately", async () => {
      const done = (id: string, finishedMs: number, more: Partial<TaskRecord> = {}) =>
        task(id, {
          state: "SUCCESS",
          name: "x",
          queue: "q",
          finishedMs,
          runtime: 2,
          sentMs: T,
          startedMs: T + 1_500,
          ...more,
        });
      await put(
        done("a", T),
        done("b", T + 1, { state: "FAILURE", runtime: 1, startedMs: T - 9 }),
        done("c", T + 2, { name: "y", runtime: null, sentMs: null }),
        done("old", T - 1),
        task("running", { name: "z", state: "STARTED" }),
      );
      expect(await store.taskTypes(T)).toEqual([
        { name: "x", runs: 2, failures: 1, runtimes: [1, 2], waits: [0, 1.5], lastMs: T + 1, queue: "q" },
        { name: "y", runs: 1, failures: 0, runtimes: [], waits: [], lastMs: T + 2, queue: "q" },
      ]);
      expect((await store.taskTypes(T, "y")).map(({ name }) => name)).toEqual(["y"]);
      expect(await store.taskTypes(T, "unknown")).toEqual([]);
    });

    test("group failures of very many kinds into the most frequent ones", async () => {
      const failed = (at: number, finishedMs: number): TaskRecord =>
        task(`f${at}-${finishedMs}`, { state: "FAILURE", fingerprint: `f${at}`, error: `E(${at})`, finishedMs });
      await put(...Array.from({ length: 700 }, (_, at) => failed(at, T)), failed(650, T + 1), failed(3, T + 2));
      const groups = await store.errorGroups({ fromMs: T, toMs: T + 10 });
      expect(groups).toHaveLength(200);
      expect(groups.slice(0, 2).map(({ fingerprint, count }) => [fingerprint, count])).toEqual([
        ["f3", 2],
        ["f650", 2],
      ]);
    });

    test("of task types know each of many that ran lately, by its newest runs", async () => {
      const names = Array.from({ length: 900 }, (_, at) => `made.up_${(at * 7919) % 900}.é '${at % 7}`);
      const old = Array.from({ length: 2_100 }, (_, at) => `made.up_${(at * 7919) % 2_100}.old`);
      await put(...old.map((name, at) => task(`old-${at}`, { name, state: "SUCCESS", finishedMs: T - 1 - at })));
      for (const round of [0, 1]) {
        await put(
          ...names.map((name, at) =>
            task(`r${round}-${at}`, {
              name,
              state: round === 0 ? "FAILURE" : "SUCCESS",
              runtime: round + 1,
              finishedMs: T + round,
            }),
          ),
        );
      }
      await put(task("busy", { name: names[4] ?? "", state: "SUCCESS", runtime: 9, finishedMs: T + 5 }));
      const types = await store.taskTypes(T);
      expect(new Set(types.map(({ name }) => name))).toEqual(new Set(names));
      expect(types).toHaveLength(900);
      // Of more than a thousand those that ran last.
      const most = await store.taskTypes(0);
      expect(new Set(most.map(({ name }) => name))).toEqual(new Set([...names, ...old.slice(0, 100)]));
      expect(types.find(({ name }) => name === names[4])).toMatchObject({ runs: 3, failures: 1, lastMs: T + 5 });
      expect(types.every(({ runs, runtimes }) => runs === runtimes.length && runtimes.at(-1) === 1)).toBe(true);
    });

    test("list what has not ended, by worker and state, page after page", async () => {
      await put(
        task("a", { state: "STARTED", worker: "w1" }),
        task("b", { state: "STARTED", worker: "w2" }),
        task("c", { state: "RECEIVED", worker: "w1" }),
        task("d", { state: "SUCCESS", worker: "w1" }),
        task("e", { state: "STARTED", worker: "w1" }),
        task("f", { state: "MINE", worker: "w1" }),
      );
      const ids = async (options: Parameters<TaskStore["unfinished"]>[0]) =>
        (await store.unfinished(options)).map(({ id }) => id);
      expect(await ids({ states: ["STARTED", "RECEIVED"], limit: 10 })).toEqual(["a", "b", "c", "e"]);
      expect(await ids({ states: ["STARTED"], worker: "w1", limit: 1 })).toEqual(["a"]);
      expect(await ids({ states: ["STARTED"], worker: "w1", limit: 1, afterId: "a" })).toEqual(["e"]);
      expect(await ids({ states: ["MINE", "SUCCESS"], limit: 10 })).toEqual(["f"]);
      expect(await ids({ states: [], limit: 10 })).toEqual([]);
    });

    test("keep the counts of the states through every change", async () => {
      await put(task("a"), task("b", { state: "STARTED" }), task("c", { state: "STARTED" }));
      await put(task("a", { state: "STARTED" }), task("b", { state: "SUCCESS" }));
      await store.forget(["c", "unknown"]);
      expect(await store.stateCounts()).toEqual({ STARTED: 1, SUCCESS: 1 });
    });
  });

  describe("removal", () => {
    test("takes events and logs along", async () => {
      const records = Array.from({ length: 450 }, (_, at) => task(`t${at}`));
      await store.put({ records, events: [event("t1", "task-sent")], logs: [log("t1", "hello")] });
      expect(await store.forget([...records.map(({ id }) => id), "t1", "unknown"])).toBe(450);
      await put(task("t1"));
      expect(await store.events("t1")).toEqual([]);
      expect(await store.logs("t1", { afterSeq: 0, limit: 10 })).toEqual([]);
      expect(await store.stateCounts()).toEqual({ PENDING: 1 });
    });

    const LIMITS = { taskDays: 7, taskCount: 100, failureDays: 30, logDays: 3 };
    test("sweeps what is old: tasks, later failures, earlier logs, and never what is still to come", async () => {
      const ended = (id: string, days: number, more: Partial<TaskRecord> = {}) =>
        task(id, {
          state: "SUCCESS",
          firstMs: T - days * DAY_MS,
          updatedMs: T - days * DAY_MS,
          finishedMs: T - days * DAY_MS,
          ...more,
        });
      await store.put({
        records: [
          ended("new", 6),
          ended("old", 8),
          ended("failed", 29, { state: "FAILURE" }),
          ended("long-failed", 31, { state: "FAILURE" }),
          ended("planned", 9, { state: "PENDING", finishedMs: null, etaMs: T + DAY_MS }),
          ended("forgotten", 9, { state: "STARTED", finishedMs: null }),
          ended("just-ended", 9, { finishedMs: T, updatedMs: T }),
        ],
        events: [],
        logs: [log("new", "old line", { atMs: T - 4 * DAY_MS }), log("new", "new line", { atMs: T - DAY_MS })],
      });
      expect(await store.sweep(LIMITS, T)).toBe(3);
      expect((await idsOf()).sort()).toEqual(["failed", "just-ended", "new", "planned"]);
      expect((await store.logs("new", { afterSeq: 0, limit: 9 })).map(({ message }) => message)).toEqual(["new line"]);
      expect(await store.sweep(LIMITS, T)).toBe(0);
    });

    test("sweeps the oldest when there are too many, failures last", async () => {
      const record = (at: number) =>
        task(`t${at}`, { state: at === 0 ? "FAILURE" : "SUCCESS", firstMs: T - 100 + at, updatedMs: T, finishedMs: T });
      await put(...Array.from({ length: 30 }, (_, at) => record(at)));
      expect(await store.sweep({ ...LIMITS, taskCount: 10 }, T)).toBe(20);
      expect(await idsOf({ sort: "received", limit: 2 })).toEqual(["t0", "t21"]);
      expect(await store.sweep({ ...LIMITS, taskCount: 0 }, T)).toBe(10);
      expect(await store.stateCounts()).toEqual({});
    });
  });
}

const SORTED_BY = {
  received: "firstMs",
  sent: "sentMs",
  started: "startedMs",
  finished: "finishedMs",
  runtime: "runtime",
  name: "name",
  state: "state",
  retries: "retries",
} as const;

function task(id: string, members: Partial<TaskRecord> = {}): TaskRecord {
  return { ...emptyRecord(id, T), ...members };
}

function event(taskId: string, type: string, members: Partial<StoredEvent> = {}): StoredEvent {
  return { taskId, type, atMs: T, worker: "celery@w", clock: 1, attempt: 1, fieldsJson: "{}", ...members };
}

function log(taskId: string, message: string, members: Partial<StoredLog> = {}): StoredLog {
  return { taskId, atMs: T, level: "info", message, fieldsJson: "{}", attempt: 1, worker: null, ...members };
}

/** With a value in every member that is null otherwise. */
function fullRecord(id: string): TaskRecord {
  const record: Record<string, unknown> = { ...emptyRecord(id, T) };
  let number = 0;
  for (const [member, value] of Object.entries(record)) {
    number++;
    if (member.endsWith("Json")) record[member] = JSON.stringify({ number });
    else if (typeof value === "boolean") record[member] = true;
    else if (member.endsWith("Ms")) record[member] = T + number;
    else if (["runtime", "timeLimit", "softTimeLimit"].includes(member)) record[member] = number + 0.25;
    else if (typeof value === "number" || ["priority", "deliveries", "sizeBytes"].includes(member))
      record[member] = number;
    else if (value === null) record[member] = `text ${number}`;
  }
  return { ...emptyRecord(id, T), ...record };
}
