import type { BrokerCapabilities } from "lovage/internal";
import { describe, expect, test } from "vitest";
import { isInternalQueue, isOurQueue } from "../../src/server/queues/internal-queues.js";
import { figuresOf, staled } from "../../src/server/queues/queue-figures.js";
import { QueueHistory } from "../../src/server/queues/queue-history.js";
import { type RateConsumer, ratesOf } from "../../src/server/queues/queue-rates.js";
import { NO_TRAFFIC, QueueTraffic } from "../../src/server/queues/queue-traffic.js";
import { heard } from "../support/heard-event.js";

const ALL: BrokerCapabilities["inspection"] = { held: true, scheduled: true, queues: "all" };
const READY_ONLY: BrokerCapabilities["inspection"] = { held: false, scheduled: false, queues: "declared" };
const NOW = Date.parse("2026-01-31T10:00:00.000Z");

describe("internal queues", () => {
  test.each([
    ["celeryev.0a1b", true, false],
    ["w1@host.celery.pidbox", true, false],
    ["7f6b2a8e-3c1d-3f0a-9a3e-0123456789ab.reply.celery.pidbox", true, false],
    ["7f6b2a8e-3c1d-3f0a-9a3e-0123456789ab", true, false],
    ["amq.gen-JzTY20BRgKO", true, false],
    ["celery_delayed_27", true, false],
    ["lovage.dead-letters", true, true],
    ["lovage.due.shop.images.0a", true, true],
    ["celery", false, false],
    ["lovage.images", false, false],
    ["q.é 1", false, false],
  ])("%s: internal %s, ours %s", (name, internal, ours) => {
    expect([isInternalQueue(name), isOurQueue(name)]).toEqual([internal, ours]);
  });
});

describe("figures", () => {
  const counts = { ready: 56, unacked: 2, scheduled: 1, oldest: new Date(NOW - 90_000), consumers: 1 };

  test("of a broker that tells everything have no reason", () => {
    const figures = figuresOf({
      capabilities: { inspection: ALL, oldestMessage: true },
      counts,
      knownConsumers: 0,
      nowMs: NOW,
    });
    expect(figures).toEqual({
      ready: { value: 56 },
      unacked: { value: 2 },
      scheduled: { value: 1 },
      total: { value: 59 },
      oldestAge: { value: 90 },
      consumers: { value: 1 },
    });
  });

  test("that a broker cannot give are null with a reason, never 0", () => {
    const capabilities = { inspection: READY_ONLY, oldestMessage: false };
    const figures = figuresOf({
      capabilities,
      counts: { ...counts, oldest: undefined },
      knownConsumers: 3,
      nowMs: NOW,
    });
    expect(figures.ready).toEqual({ value: 56 });
    for (const name of ["unacked", "scheduled", "total", "oldestAge"] as const) {
      expect(figures[name]).toEqual({ value: null, reason: expect.stringContaining("broker does not tell") });
    }
    // A broker may count only consumers of its own kind.
    expect(figures.consumers).toEqual({ value: 3 });
  });

  test("of a queue that only workers know say so", () => {
    const figures = figuresOf({
      capabilities: { inspection: ALL, oldestMessage: true },
      counts: undefined,
      knownConsumers: 1,
      nowMs: NOW,
    });
    expect(figures.ready).toEqual({ value: null, reason: "the broker knows no queue of this name" });
    expect(figures.consumers).toEqual({ value: 1 });
  });

  test("of a broker that fell silent stay, each with the reason", () => {
    expect(staled({ ready: { value: 56 }, unacked: { value: null, reason: "not told" } }, "no answer")).toEqual({
      ready: { value: 56, reason: "no answer" },
      unacked: { value: null, reason: "no answer" },
    });
  });
});

describe("a queue's history", () => {
  test("draws five minutes in steps of ten seconds, with holes where nobody looked", () => {
    const history = new QueueHistory();
    history.recall(NOW - 290_000, 7);
    history.add({ atMs: NOW - 20_000, ready: 1, total: 1 });
    history.add({ atMs: NOW - 15_000, ready: 2, total: 2 });
    history.add({ atMs: NOW, ready: 4, total: 9 });
    const line = history.sparkline(NOW);
    expect(line).toHaveLength(30);
    expect(line[0]).toBe(7);
    expect(line.slice(-3)).toEqual([2, null, 4]);
    expect(line.slice(1, -3).every((point) => point === null)).toBe(true);
  });

  test("tells the change once it was looked at twice, far enough apart", () => {
    const history = new QueueHistory();
    history.add({ atMs: NOW - 20_000, ready: 10, total: 12 });
    expect(history.change(NOW, 60)).toBeUndefined();
    history.add({ atMs: NOW, ready: 4, total: 9 });
    expect(history.change(NOW, 60)).toEqual({ ready: -6, total: -3, seconds: 20 });
  });

  test("forgets what is older", () => {
    const history = new QueueHistory();
    history.add({ atMs: NOW - 600_000, ready: 10, total: 10 });
    history.add({ atMs: NOW, ready: 4, total: 4 });
    expect(history.sparkline(NOW).filter((point) => point !== null)).toEqual([4]);
  });
});

describe("rates", () => {
  const lovage: RateConsumer = { name: "w1@a", kind: "lovage", events: true, leavesOpen: false };
  const celery: RateConsumer = { name: "c1@a", kind: "celery", events: true, leavesOpen: false };
  const traffic = { sent: 0, received: 120, done: 60, redelivered: 6 };
  const change = { ready: -60, total: 0, seconds: 60 };
  const facts = { inspection: ALL, heard: 60, traffic, change, consumers: [lovage], brokerConsumers: 1 };

  test("are what workers told, and what came in is what is there more and what has gone", () => {
    expect(ratesOf(facts)).toEqual({
      inRate: { value: 1 },
      deliverRate: { value: 2 },
      ackRate: { value: 1 },
      redeliverRate: { value: 0.1 },
    });
  });

  test("of a broker that tells only what is ready count what left that", () => {
    expect(ratesOf({ ...facts, inspection: READY_ONLY }).inRate).toEqual({ value: 0.9 });
  });

  test("that go down by a purge are no negative rates", () => {
    expect(ratesOf({ ...facts, change: { ...change, total: -10_000 } }).inRate).toEqual({ value: 0 });
  });

  test.each([
    ["a worker sends no events", { consumers: [lovage, { ...celery, events: false }] }, "c1@a sends no task events"],
    [
      "a worker does not name queues",
      { consumers: [{ ...celery, leavesOpen: true }] },
      "do not say which of its queues",
    ],
    ["others consume it", { consumers: [], brokerConsumers: 2 }, "programs that send no events"],
    ["nobody has listened for long", { heard: 3.2 }, "for 3 s only"],
  ])("are null and say why when %s", (_, change, reason) => {
    for (const figure of Object.values(ratesOf({ ...facts, ...change }))) {
      expect(figure).toEqual({ value: null, reason: expect.stringContaining(reason) });
    }
  });

  test("of redeliveries are not known of Celery's workers", () => {
    expect(ratesOf({ ...facts, consumers: [lovage, celery] }).redeliverRate).toEqual({
      value: null,
      reason: expect.stringContaining("c1@a is a Celery worker"),
    });
  });

  test("of what came in wait for a second look", () => {
    expect(ratesOf({ ...facts, change: undefined }).inRate.value).toBeNull();
  });
});

describe("traffic", () => {
  const consumes = (worker: string): readonly string[] => (worker === "one@a" ? ["images"] : ["images", "mail"]);

  test("is counted by queue: of the event, of the record, or the only one that its worker consumes", () => {
    const traffic = new QueueTraffic();
    traffic.note(heard("task-received", { lovage: { queue: "mail", deliveries: 2 } }), NOW, consumes);
    traffic.note(heard("task-succeeded", {}, { queue: "mail" }), NOW, consumes);
    traffic.note(heard("task-received", {}, {}, "one@a"), NOW, consumes);
    traffic.note(heard("task-sent", { queue: "images" }), NOW, consumes);
    expect(traffic.total("mail")).toEqual({ sent: 0, received: 1, done: 1, redelivered: 1 });
    expect(traffic.total("images")).toEqual({ sent: 1, received: 1, done: 0, redelivered: 0 });
    expect(traffic.leavesOpen("one@a")).toBe(false);
  });

  test("of a worker that names no queue is left open for a minute", () => {
    const traffic = new QueueTraffic();
    traffic.note(heard("task-received", {}, {}, "two@a"), NOW, consumes);
    expect(traffic.queues).toEqual([]);
    expect(traffic.leavesOpen("two@a")).toBe(true);
    traffic.prune(NOW + 120_000);
    expect(traffic.leavesOpen("two@a")).toBe(false);
  });

  test("is of the last minute, and all of it since the start", () => {
    const traffic = new QueueTraffic();
    traffic.note(heard("task-received", { queue: "q" }), NOW - 65_000, consumes);
    traffic.note(heard("task-received", { queue: "q" }), NOW, consumes);
    expect(traffic.within("q", NOW, 60).received).toBe(1);
    expect(traffic.total("q").received).toBe(2);
  });

  test("given back is not done, and other events say nothing", () => {
    const traffic = new QueueTraffic();
    for (const type of ["task-started", "worker-heartbeat", "task-log", "x"])
      traffic.note(heard(type, { queue: "q" }), NOW, consumes);
    traffic.note(heard("task-rejected", { queue: "q", requeue: true }), NOW, consumes);
    expect(traffic.total("q")).toEqual(NO_TRAFFIC);
  });

  test("of names that strangers invent is bounded", () => {
    const traffic = new QueueTraffic();
    for (let n = 0; n < 5000; n++) traffic.note(heard("task-received", { queue: `q${n}` }), NOW, consumes);
    traffic.note(heard("task-received", { queue: "x".repeat(256) }), NOW, consumes);
    expect(traffic.queues.length).toBe(2000);
  });
});
