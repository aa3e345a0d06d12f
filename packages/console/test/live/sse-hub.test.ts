import { describe, expect, test } from "vitest";
import { HeldClock } from "../../../lovage/test/support/held-clock.js";
import { topicsText } from "../../src/api/live-topics.js";
import type { LogLine } from "../../src/api/tasks.js";
import { eventsRoutes } from "../../src/server/routes/events.js";
import { emptyRecord } from "../../src/server/store/task-record.js";
import { toSummary } from "../../src/server/tasks/task-summary.js";
import { basic, startHttp, usersOfEachRole } from "../support/console-http.js";
import { StreamListener } from "../support/event-stream.js";

const RECORD = emptyRecord("t1", Date.parse("2026-01-31T10:00:00Z"));
const TASK = toSummary({ ...RECORD, args: "['secret']", result: "'secret'", version: 1 }, { payloads: true });
const LOG: LogLine = {
  seq: 1,
  taskId: "t1",
  at: "2026-01-31T10:00:00.000Z",
  level: "info",
  message: "line",
  fields: {},
  attempt: 1,
  worker: null,
};

async function startStreams(setup: Parameters<typeof startHttp>[0] = {}) {
  const clock = new HeldClock();
  const console = await startHttp({ routes: eventsRoutes, clock, ...setup });
  return {
    clock,
    console,
    hub: console.hub,
    listen: (topics: string, headers = {}) => StreamListener.open(console.origin, topics, headers),
  };
}

function states(count: number) {
  return { states: { SUCCESS: count }, newest: null };
}
const counts = (listener: StreamListener) =>
  listener.events.flatMap(({ event, data }) =>
    event === "tasks" ? [(data as ReturnType<typeof states>).states.SUCCESS] : [],
  );

describe("a stream", () => {
  test("has the headers of one, and those of security", async () => {
    const { listen } = await startStreams();
    const { headers } = await listen("tasks");
    expect(headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["content-security-policy"]).toContain("default-src 'self'");
  });

  test("gets the events of its topics and no others, in order, with ids that grow", async () => {
    const { hub, listen } = await startStreams();
    const listener = await listen("tasks,task:t1");
    const other = await listen("log:t2");
    hub.publish("log:t1", "log", LOG);
    hub.publish("tasks", "tasks", states(1));
    hub.publish("task:t1", "task", TASK);
    hub.publish("tasks", "tasks", states(2));
    await listener.until(() => listener.events.length === 3);
    expect(listener.events.map(({ event }) => event)).toEqual(["tasks", "task", "tasks"]);
    const ids = listener.events.map(({ id }) => Number(id));
    expect([...ids].sort((a, b) => a - b)).toEqual(ids);
    hub.publish("log:t2", "log", { ...LOG, taskId: "t2" });
    await other.until(() => other.events.length === 1);
    expect(other.events[0]).toMatchObject({ event: "log", data: { taskId: "t2" } });
  });

  test.each(["a,b", "50%", "%2C", " a b ", "a\nb", "é?#/&=+", "..", "x".repeat(1000), "stats,tasks"])(
    "is had for the id %j, whatever it is made of",
    async (id) => {
      const { hub, listen } = await startStreams();
      const listener = await listen(topicsText(["stats", `task:${id}`]));
      hub.publish("tasks", "tasks", states(1));
      hub.publish(`task:${id}`, "task", { ...TASK, id });
      await listener.until(() => listener.events.length === 1);
      expect(listener.events[0]).toMatchObject({ event: "task", data: { id } });
    },
  );

  test("gets the newest of a key four times a second, and the rest at once", async () => {
    const { clock, hub, listen } = await startStreams();
    const listener = await listen("tasks");
    for (let count = 1; count <= 50; count++) hub.publish("tasks", "tasks", states(count), "counts");
    hub.publish("tasks", "tasks", states(1000));
    await listener.until(() => listener.events.length === 1);
    expect(counts(listener)).toEqual([1000]);
    await clock.advance(0.25);
    await listener.until(() => listener.events.length === 2);
    expect(counts(listener)).toEqual([1000, 50]);
  });

  test("says something every 15 seconds", async () => {
    const { clock, listen } = await startStreams();
    const listener = await listen("stats");
    await clock.advance(15);
    await listener.until(() => listener.comments.length === 1);
    await clock.advance(15);
    await listener.until(() => listener.comments.length === 2);
  });

  test.each([
    "",
    "nonsense",
    "task:",
    "task:50%",
    `task:${"x".repeat(1001)}`,
    new Array(201)
      .fill(0)
      .map((_, i) => `task:${i}`)
      .join(","),
  ])("is refused for what is no topic", async (topics) => {
    const { console } = await startStreams();
    const reply = await console.ask(`/api/v1/events?topics=${encodeURIComponent(topics)}`);
    expect(reply).toMatchObject({ status: 400, json: { code: "validation" } });
  });

  test("ends when the console stops", async () => {
    const { console, listen } = await startStreams();
    const listener = await listen("stats");
    await console.stop();
    await listener.untilEnded();
  });

  test("is not opened by HEAD", async () => {
    const { console } = await startStreams();
    await console.ask("/api/v1/events?topics=stats", { method: "HEAD" });
    expect(console.hub.clientCount).toBe(0);
  });
});

describe("a stream that comes back", () => {
  test("is told where it is only after what it missed: cut off in between, it asks for the rest", async () => {
    const { hub, console, listen } = await startStreams();
    const before = await listen("tasks");
    before.close();
    await gone(console.hub, 0);
    for (let count = 1; count <= 3; count++) hub.publish("tasks", "tasks", states(count));
    const after = await listen("tasks", { "last-event-id": before.lastId ?? "" });
    await after.until(() => after.ids.length === 4);
    expect(after.ids.map(Number)).toEqual([...after.ids].map(Number).sort((a, b) => a - b));
    expect(after.ids.at(-1)).toBe(after.events.at(-1)?.id);
  });

  test("gets what it missed within a minute, although nobody else listened", async () => {
    const { clock, hub, console, listen } = await startStreams();
    const before = await listen("tasks");
    hub.publish("tasks", "tasks", states(1));
    await before.until(() => before.events.length === 1);
    before.close();
    await gone(hub, 0);
    await clock.advance(20);
    expect(hub.hasListeners("tasks")).toBe(true);
    hub.publish("tasks", "tasks", states(2));
    hub.publish("tasks", "tasks", states(3), "counts");
    await clock.advance(20);
    const after = await StreamListener.open(console.origin, "tasks", { "last-event-id": before.lastId ?? "" });
    await after.until(() => after.events.length === 2);
    expect(counts(after)).toEqual([2, 3]);
  });

  test("is told to begin anew when it was away for longer", async () => {
    const { clock, hub, listen } = await startStreams();
    const before = await listen("tasks");
    before.close();
    await gone(hub, 0);
    await clock.advance(180);
    hub.publish("tasks", "tasks", states(2));
    const after = await listen("tasks", { "last-event-id": before.lastId ?? "" });
    await after.until(() => after.events.length === 1);
    expect(after.events[0]?.event).toBe("resync");
  });

  test("is told to begin anew when more happened meanwhile than is kept", async () => {
    const { hub, listen } = await startStreams();
    const before = await listen("tasks");
    before.close();
    await gone(hub, 0);
    for (let count = 0; count < 20_000; count++) hub.publish("tasks", "tasks", states(count));
    const after = await listen("tasks", { "last-event-id": before.lastId ?? "" });
    await after.until(() => after.events.length === 1);
    expect(after.events[0]?.event).toBe("resync");
  });

  test.each(["1.1", "nonsense", "99999999999999999999.1234"])(
    "is told to begin anew with the id %s of another console",
    async (id) => {
      const { listen } = await startStreams();
      const listener = await listen("tasks", { "last-event-id": id });
      await listener.until(() => listener.events.length === 1);
      expect(listener.events[0]?.event).toBe("resync");
    },
  );

  test("with one more topic is not told to begin anew: that one is new to it", async () => {
    const { hub, listen } = await startStreams();
    const before = await listen("tasks");
    hub.publish("tasks", "tasks", states(1));
    await before.until(() => before.events.length === 1);
    const after = await listen("tasks,task:t1", { "last-event-id": before.lastId ?? "" });
    hub.publish("task:t1", "task", TASK);
    await after.until(() => after.events.length === 1);
    expect(after.events[0]?.event).toBe("task");
  });
});

test("a client that takes nothing gets a resync when it goes on, and the hub keeps no more for it than for the rest", async () => {
  const { hub, listen } = await startStreams();
  const slow = await listen("log:t1");
  const quick = await listen("log:t1,tasks");
  slow.pause();
  const line = { ...LOG, message: "x".repeat(8000) };
  // 40 MB: more than sockets and the limit hold together, in bursts that are less than the limit.
  for (let sent = 0; sent < 5000; sent++) {
    hub.publish("log:t1", "log", { ...line, seq: sent });
    if (sent % 50 === 0) await quick.until(() => quick.events.length > sent);
  }
  await quick.until(() => quick.events.length === 5000);
  slow.resume();
  await slow.until(() => slow.events.some(({ event }) => event === "resync"));
  expect(slow.events.length).toBeLessThan(4000);
  hub.publish("log:t1", "log", { ...LOG, seq: 5001 });
  await slow.until(() => slow.events.at(-1)?.event === "log");
  expect(slow.events.at(-1)?.data).toMatchObject({ seq: 5001 });
});

describe("who may not see payloads", () => {
  test("gets tasks without arguments and results, and no logs; others get them whole", async () => {
    const { hub, listen } = await startStreams({
      options: { auth: "basic", users: await usersOfEachRole(), viewerSeesPayloads: false },
    });
    const viewer = await listen("task:t1,log:t1,tasks", basic("viewer", "pass-viewer"));
    const operator = await listen("task:t1,log:t1,tasks", basic("operator", "pass-operator"));
    hub.publish("log:t1", "log", LOG);
    hub.publish("task:t1", "task", TASK);
    hub.publish("tasks", "tasks", states(1));
    await Promise.all([
      viewer.until(() => viewer.events.length === 2),
      operator.until(() => operator.events.length === 3),
    ]);
    expect(operator.events.map(({ event }) => event)).toEqual(["log", "task", "tasks"]);
    expect(viewer.events.map(({ event }) => event)).toEqual(["task", "tasks"]);
    expect(viewer.events[0]?.data).toMatchObject({ id: "t1", args: null, kwargs: null, result: null });
    expect(JSON.stringify(viewer.events)).not.toContain("secret");
  });

  test("needs a login at all", async () => {
    const { console } = await startStreams({ options: { auth: "basic", users: await usersOfEachRole() } });
    expect((await console.ask("/api/v1/events?topics=stats")).status).toBe(401);
  });
});

/** Resolves once the server has seen clients leave. */
async function gone(hub: { readonly clientCount: number }, count: number): Promise<void> {
  // The server tells nobody when a client is gone: this looks until it is so.
  while (hub.clientCount > count) await new Promise((resolve) => setTimeout(resolve, 5));
}
