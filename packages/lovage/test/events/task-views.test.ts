import { describe, expect, test } from "vitest";
import { TaskViews } from "../../src/events/task-views.js";
import type { ReceivedEvent } from "../../src/protocol/events.js";

function event(type: string, fields: Readonly<Record<string, unknown>> = {}): ReceivedEvent {
  const stamp = { hostname: "w@x", timestamp: 1, utcoffset: 0, pid: 1, clock: 1 };
  return { type, ...stamp, known: undefined, fields: { uuid: "1", type, ...stamp, ...fields } };
}

describe("TaskViews", () => {
  test("remembers the name that only the first event tells", () => {
    const views = new TaskViews();
    views.apply(event("task-received", { name: "t.add", args: "(1, 2)", kwargs: "{}" }));
    expect(views.apply(event("task-succeeded", { result: "3", runtime: 0.5 }))).toMatchObject({
      name: "t.add",
      args: "(1, 2)",
      state: "SUCCESS",
      runtime: 0.5,
    });
  });

  test("is not taken back by an event that comes late", () => {
    const views = new TaskViews();
    views.apply(event("task-succeeded"));
    expect(views.apply(event("task-started"))?.state).toBe("SUCCESS");
    expect(views.apply(event("task-received", { name: "t" }))).toMatchObject({ state: "SUCCESS", name: "t" });
  });

  test("begins anew after a retry", () => {
    const views = new TaskViews();
    views.apply(event("task-started"));
    expect(views.apply(event("task-retried"))?.state).toBe("RETRY");
    expect(views.apply(event("task-received"))?.state).toBe("RECEIVED");
    expect(views.apply(event("task-failed"))?.state).toBe("FAILURE");
  });

  test("passes over events of other kinds, and keeps the state for types unknown here", () => {
    const views = new TaskViews();
    expect(views.apply(event("worker-heartbeat"))).toBeUndefined();
    expect(views.apply(event("task-started", { uuid: 3 }))).toBeUndefined();
    views.apply(event("task-started"));
    expect(views.apply(event("task-log", { message: "x" }))?.state).toBe("STARTED");
    expect(views.apply(event("task-constructor"))?.state).toBe("STARTED");
  });

  test("forgets the tasks it heard of longest ago", () => {
    const views = new TaskViews();
    for (let at = 0; at < 10_010; at++) views.apply(event("task-started", { uuid: String(at) }));
    expect(views.size).toBe(10_000);
    expect(views.get("9")).toBeUndefined();
    expect(views.get("10")).toBeDefined();
  });
});
