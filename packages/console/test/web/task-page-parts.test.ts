import { describe, expect, it } from "vitest";
import type { Attempt, TaskEvent, TaskSummary } from "../../src/api/tasks.js";
import { type CopiedTask, copyTaskAs } from "../../src/web/pages/tasks/copy-as.js";
import { fits, fittingActions, hasEnded, isRunning, isWaiting } from "../../src/web/pages/tasks/fitting-actions.js";
import { nestTasks, type TaskNode } from "../../src/web/pages/tasks/nest-tasks.js";
import { statesInOrder } from "../../src/web/pages/tasks/task-states.js";
import { happeningsOf, stretchesOf } from "../../src/web/pages/tasks/timeline.js";
import { SampleData } from "../support/sample-data.js";

const now = new Date("2026-01-31T10:00:00.000Z");
const data = new SampleData(now);

function taskAt(index: number, changes: Partial<TaskSummary> = {}): TaskSummary {
  return { ...data.task(index, "SUCCESS", "shop.add"), ...changes };
}

/** Lost with its worker, redelivered and retried, then failed. */
const attempts: Attempt[] = [
  attempt(1, { received: data.ago(120), started: data.ago(119), ended: data.ago(100), state: "LOST" }),
  attempt(2, {
    received: data.ago(90),
    started: data.ago(89),
    ended: data.ago(80),
    state: "RETRY",
    error: "ConnectionError('refused')",
    nextAt: data.ago(50),
    redelivered: true,
  }),
  attempt(3, { received: data.ago(52), started: data.ago(49), ended: data.ago(8), state: "FAILURE" }),
];

function attempt(number: number, changes: Partial<Attempt>): Attempt {
  return {
    number,
    worker: "lovage@api-1",
    received: null,
    started: null,
    ended: null,
    runtime: null,
    state: "STARTED",
    error: null,
    nextAt: null,
    redelivered: false,
    ...changes,
  };
}

const events: TaskEvent[] = [
  event("task-sent", 125, {}),
  event("task-received", 120, {}),
  event("task-started", 119, {}),
  event("task-progress", 118, { current: 1 }),
  event("task-received", 90, {}),
  event("task-started", 89, {}),
  event("task-retried", 80, { exception: "ConnectionError('refused')", lovage: { eta: data.ago(50) } }),
  event("task-started", 49, {}),
  event("task-failed", 8, { exception: "ScrapeError('no')" }),
];

function event(type: string, seconds: number, fields: Record<string, unknown>): TaskEvent {
  return { type, at: data.ago(seconds), worker: "lovage@api-1", clock: null, fields };
}

describe("copying a task as code", () => {
  const exact: CopiedTask = {
    id: "a-1",
    name: "shop.add",
    queue: "images",
    priority: 9,
    argsValue: {
      form: "json",
      value: [1, null, true, { $bigint: "9007199254740993" }, 'it\'s "so"\n'],
      sizeBytes: 1,
      cut: false,
    },
    kwargsValue: { form: "json", value: { deep: { no: false } }, sizeBytes: 1, cut: false },
  };

  it("writes each language's own words for null, true and numbers beyond 2^53", () => {
    expect(copyTaskAs(exact, "TypeScript")).toBe(
      '// Task a-1\nconst result = await app.sendTask("shop.add", [1, null, true, 9007199254740993n, "it\'s \\"so\\"\\n"], { kwargs: {"deep": {"no": false}}, queue: "images", priority: 9 });\n',
    );
    expect(copyTaskAs(exact, "Python")).toBe(
      '# Task a-1\nresult = app.send_task("shop.add", args=[1, None, True, 9007199254740993, "it\'s \\"so\\"\\n"], kwargs={"deep": {"no": False}}, queue="images", priority=9)\n',
    );
  });

  it("writes JSON that parses, with all digits of a big number", () => {
    const text = copyTaskAs(exact, "JSON");
    expect(text).toContain("9007199254740993");
    expect(JSON.parse(text)).toMatchObject({ name: "shop.add", kwargs: { deep: { no: false } }, queue: "images" });
  });

  it("keeps a member named __proto__ a member", () => {
    const kwargs: unknown = JSON.parse('{"__proto__": {"admin": true}}');
    const text = copyTaskAs(
      { ...exact, kwargsValue: { form: "json", value: kwargs, sizeBytes: 1, cut: false } },
      "TypeScript",
    );
    expect(text).toContain('["__proto__"]: {"admin": true}');
  });

  it("puts arguments that are only a text into a comment, on one line, so that nothing of them becomes code", () => {
    const repr = { form: "repr" as const, value: "(1,)\nimport os\u2028os.remove('x')", sizeBytes: 1, cut: false };
    for (const language of ["TypeScript", "Python"] as const) {
      const lines = copyTaskAs({ ...exact, id: "x\nimport os", argsValue: repr }, language).split(/[\n\u2028]/);
      expect(lines.filter((line) => line !== "" && !/^(#|\/\/)/.test(line))).toHaveLength(1);
    }
    expect(JSON.parse(copyTaskAs({ ...exact, argsValue: repr }, "JSON"))).toMatchObject({ argsRepr: repr.value });
  });

  it("says that arguments are not known, rather than sending none without a word", () => {
    expect(copyTaskAs({ ...exact, argsValue: null }, "Python")).toContain("# Its args are not known.");
  });
});

describe("actions that fit a state", () => {
  it("sorts every state into waiting, running or ended", () => {
    for (const state of [
      "PENDING",
      "SCHEDULED",
      "RECEIVED",
      "RETRY",
      "STARTED",
      "PROGRESS",
      "INDEXING",
      "SUCCESS",
      "FAILURE",
      "REVOKED",
      "REJECTED",
      "IGNORED",
      "LOST",
    ]) {
      expect([isWaiting(state), isRunning(state), hasEnded(state)].filter(Boolean), state).toHaveLength(1);
    }
  });

  it("offers no retry of what succeeded and no revoke of what runs", () => {
    expect(fits("retry", "SUCCESS")).toBe(false);
    expect(fits("retry", "FAILURE")).toBe(true);
    expect(fits("revoke", "STARTED")).toBe(false);
  });

  it("counts what each would act on, and leaves out what fits nothing", () => {
    expect(fittingActions({ SUCCESS: 3, FAILURE: 2 })).toEqual([
      { action: "rerun", count: 5 },
      { action: "retry", count: 2 },
      { action: "forget", count: 5 },
    ]);
    expect(fittingActions({ REVOKED: 2, LOST: 1 }).map((each) => [each.action, each.count])).toEqual([
      ["rerun", 3],
      ["retry", 1],
      ["revoke", 1],
      ["forget", 3],
    ]);
  });
});

describe("the tree of a family", () => {
  const flat = (nodes: readonly TaskNode[]): string[] =>
    nodes.flatMap((node) => [node.task.id, ...flat(node.children)]);

  it("hangs tasks under the one that sent them, oldest first", () => {
    const root = taskAt(9);
    const [older, newer] = [taskAt(5, { parentId: root.id }), taskAt(2, { parentId: root.id })];
    const [tree] = nestTasks([newer, root, older]);
    expect(tree?.task.id).toBe(root.id);
    expect(tree?.children.map((child) => child.task.id)).toEqual([older.id, newer.id]);
  });

  it("shows each task once though the messages claim a circle, or a parent that is gone", () => {
    const a = taskAt(1, { parentId: taskAt(2).id });
    const b = taskAt(2, { parentId: a.id });
    const own = taskAt(3);
    const lost = taskAt(4, { parentId: "gone" });
    const all = [a, b, { ...own, parentId: own.id }, lost];
    expect(flat(nestTasks(all)).sort()).toEqual(all.map((task) => task.id).sort());
  });
});

describe("the timeline", () => {
  const task = {
    sent: "2026-01-31T09:57:55.000Z",
    received: null,
    started: null,
    finished: "2026-01-31T09:59:52.000Z",
    eta: null,
    state: "FAILURE",
  };

  it("tells waiting, running, lost and retry stretches apart", () => {
    expect(stretchesOf(task, attempts).map((each) => [each.kind, each.attempt, each.redelivered])).toEqual([
      ["wait", 1, false],
      ["lost", 1, false],
      ["wait", 2, true],
      ["run", 2, true],
      ["retry", 3, false],
      ["run", 3, false],
    ]);
  });

  it("leaves the last stretch open while it goes on", () => {
    expect(stretchesOf({ ...task, finished: null }, attempts.slice(0, 2)).at(-1)).toMatchObject({
      kind: "retry",
      to: null,
    });
    const waiting: Attempt[] = [];
    expect(stretchesOf({ ...task, finished: null }, waiting)).toEqual([]);
  });

  it("lists retries with their reason and planned time, and marks what was lost and redelivered", () => {
    const happenings = happeningsOf(task, events, attempts);
    const retry = happenings.find((each) => each.what === "Retry");
    expect(retry).toMatchObject({ detail: "ConnectionError('refused')", plannedFor: "2026-01-31T09:59:10.000Z" });
    expect(happenings.filter((each) => each.mark !== null).map((each) => each.mark)).toEqual(["lost", "redelivered"]);
    expect(happenings.at(-1)?.what).toBe("Failed");
  });

  it("falls back on the record where no event told", () => {
    expect(happeningsOf(task, [], []).map((each) => each.what)).toEqual(["Sent", "Ended: FAILURE"]);
  });
});

describe("state chips", () => {
  it("come in the order of a task's life, custom states after them", () => {
    expect(statesInOrder(["INDEXING", "SUCCESS", "PENDING"])).toEqual(["PENDING", "SUCCESS", "INDEXING"]);
  });
});
