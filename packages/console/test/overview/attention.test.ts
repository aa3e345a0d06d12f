import { describe, expect, test } from "vitest";
import type { QueueSummary } from "../../src/api/queues.js";
import type { WorkerSummary } from "../../src/api/workers.js";
import { AttentionList } from "../../src/server/overview/attention/attention-list.js";
import { growthOf } from "../../src/server/overview/attention/queue-rules.js";
import type { Snapshot } from "../../src/server/overview/attention/snapshot.js";
import { tilesOf } from "../../src/server/overview/tiles.js";
import { queue, worker } from "../support/summaries.js";

const NOW = Date.parse("2026-01-31T10:00:00.000Z");
const CALM: Snapshot = {
  nowMs: NOW,
  workers: [worker({})],
  queues: [queue({})],
  depths: new Map(),
  deadLetters: [],
  broker: { reachable: true, error: null, since: new Date(0) },
  storeTrouble: null,
  ingest: { leader: true, ratePerSecond: 0, lag: 0, dropped: 0, waiting: 0, gaps: [] },
  lost: [],
  waiting: [],
  registered: new Set(["shop.add"]),
};

function found(changes: Partial<Snapshot>): readonly string[] {
  const list = new AttentionList();
  list.update({ ...CALM, ...changes });
  return list.items.map(({ id }) => id);
}
const queues = (...changes: Partial<QueueSummary>[]) => ({ queues: changes.map(queue) });
const workers = (...changes: Partial<WorkerSummary>[]) => ({
  workers: changes.map((each, n) => worker({ name: `w${n}@a`, ...each })),
});

describe("attention", () => {
  test("is not asked for while all is well", () => {
    expect(found({})).toEqual([]);
  });

  test.each<[string, Partial<Snapshot>, readonly string[]]>([
    [
      "messages and no consumer",
      queues({ state: "no-consumer", ready: { value: 3 }, consumers: { value: 0 } }),
      ["no-consumer:images"],
    ],
    ["no consumer and no messages", queues({ state: "no-consumer", ready: { value: 0 }, consumers: { value: 0 } }), []],
    ["a paused queue", queues({ state: "paused", ready: { value: 3 }, consumers: { value: 0 } }), []],
    [
      "a figure of earlier",
      queues({ state: "no-consumer", ready: { value: 3, reason: "silent" }, consumers: { value: 0 } }),
      [],
    ],
    [
      "a queue that grows",
      { depths: new Map([["images", [0, 5, 9, 20, 22, 30, 40, 41, 50, 60]]]) },
      ["queue-growing:images"],
    ],
    ["dead letters that rise", { deadLetters: [null, 1, 1, 4] }, ["dead-letters"]],
    ["dead letters that were replayed", { deadLetters: [4, 4, 1] }, []],
    [
      "a silent worker",
      workers({ status: "silent", lastHeartbeat: "2026-01-31T09:59:00.000Z" }),
      ["worker-silent:w0@a"],
    ],
    ["a worker that said goodbye", workers({ status: "offline" }), []],
    ["lost tasks", { lost: [{ worker: "w1@a", count: 2, isMore: false, sinceMs: NOW - 5000 }] }, ["tasks-lost:w1@a"]],
    ["events off", workers({ events: false }, { events: null }, { events: true }), ["events-off"]],
    ["events off on one that is offline", workers({ events: false, status: "offline" }), []],
    ["a clock ahead", workers({ clockSkew: 17 }), ["clock-skew:w0@a"]],
    ["a clock a little ahead", workers({ clockSkew: -16 }), []],
    ["two versions", workers({ version: "1.0" }, { version: "1.1" }), ["two-versions:lovage"]],
    ["versions of two kinds", workers({ version: "1.0" }, { version: "5.2.6", kind: "celery" }), []],
    [
      "an unknown task",
      { waiting: [{ name: "shop.ad", count: 2, isMore: false, sinceMs: NOW - 60_000 }] },
      ["task-unregistered:shop.ad"],
    ],
    ["an unknown task just sent", { waiting: [{ name: "shop.ad", count: 2, isMore: false, sinceMs: NOW - 1000 }] }, []],
    [
      "an unknown task while a worker has not told",
      { waiting: [{ name: "shop.ad", count: 2, isMore: false, sinceMs: 0 }], registered: undefined },
      [],
    ],
    [
      "an unknown task without workers",
      { waiting: [{ name: "shop.ad", count: 2, isMore: false, sinceMs: 0 }], workers: [] },
      [],
    ],
    [
      "a broker that is away",
      { broker: { reachable: false, error: "refused", since: new Date(NOW) } },
      ["broker-unreachable"],
    ],
    ["a full store", { storeTrouble: "database or disk is full" }, ["store-trouble"]],
    ["a lag", { ingest: { ...CALM.ingest, lag: 11 } }, ["ingest-behind"]],
    ["a lag of one that does not ingest", { ingest: { ...CALM.ingest, lag: 11, leader: false } }, []],
    [
      "a gap",
      {
        ingest: {
          ...CALM.ingest,
          gaps: [{ from: "2026-01-31T09:50:00.000Z", to: "2026-01-31T09:51:00.000Z", reason: "restart" }],
        },
      },
      ["events-missed"],
    ],
    [
      "an old gap",
      {
        ingest: {
          ...CALM.ingest,
          gaps: [{ from: "2026-01-30T09:50:00.000Z", to: "2026-01-30T09:51:00.000Z", reason: "restart" }],
        },
      },
      [],
    ],
    ["dropped events", { ingest: { ...CALM.ingest, dropped: 1 } }, ["events-dropped"]],
  ])("%s", (_, changes, ids) => {
    expect(found(changes)).toEqual(ids);
  });

  test("puts what is serious first, and remembers since when each is", () => {
    const list = new AttentionList();
    const off = workers({ events: false });
    expect(list.update({ ...CALM, ...off })).toBe(true);
    expect(list.update({ ...CALM, ...off, nowMs: NOW + 1000 })).toBe(false);
    list.update({ ...CALM, ...off, storeTrouble: "full", nowMs: NOW + 2000 });
    expect(list.items.map(({ id, since }) => [id, Date.parse(since) - NOW])).toEqual([
      ["store-trouble", 2000],
      ["events-off", 0],
    ]);
  });

  test("names a silent worker together with its lost tasks, and links to both", () => {
    const list = new AttentionList();
    const silent = workers({ name: "celery@a/b", status: "silent", lastHeartbeat: "2026-01-31T09:59:00.000Z" });
    list.update({ ...CALM, ...silent, lost: [{ worker: "celery@a/b", count: 2, isMore: false, sinceMs: NOW }] });
    expect(list.items).toMatchObject([
      {
        title: "celery@a/b is silent",
        detail: expect.stringContaining("2 tasks of it are lost"),
        link: "/workers/celery%40a%2Fb",
      },
      { title: "2 tasks of celery@a/b are lost", link: "/tasks?state=LOST&worker=celery%40a%2Fb" },
    ]);
  });

  test("says of what was counted in part that it is more", () => {
    const list = new AttentionList();
    const silent = workers({ status: "silent", lastHeartbeat: "2026-01-31T09:59:00.000Z" });
    list.update({
      ...CALM,
      ...silent,
      lost: [{ worker: "w0@a", count: 2, isMore: true, sinceMs: NOW }],
    });
    const texts = list.items.map(({ title, detail }) => `${title}: ${detail}`).join("\n");
    expect(texts).toContain("At least 2 tasks of it are lost.");
    list.update({ ...CALM, waiting: [{ name: "shop.ad", count: 3, isMore: true, sinceMs: 0 }] });
    expect(list.items[0]?.detail).toMatch(/^At least 3 tasks of this name wait/);
  });

  test("has a text of any length cut, and no more than a hundred items", () => {
    const list = new AttentionList();
    const names = Array.from({ length: 150 }, (_, n) => ({
      name: `${n}${"x".repeat(1000)}`,
      count: 1,
      isMore: false,
      sinceMs: 0,
    }));
    list.update({ ...CALM, waiting: names });
    expect(list.items).toHaveLength(100);
    expect(list.items[0]?.title.length).toBeLessThanOrEqual(500);
  });
});

describe("growth", () => {
  test.each([
    ["too few minutes", [1, 20, 40], undefined],
    ["holes", [0, 5, null, 20, 22, 30, 40, 41, 50, 60], undefined],
    ["one minute of catching up", [0, 15, 14, 20, 22, 30, 40, 41, 50, 60], { from: 0, to: 60 }],
    ["up and down", [0, 15, 14, 20, 12, 30, 10, 41, 50, 60], undefined],
    ["little against what there is", [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1015], undefined],
  ])("%s", (_, points, expected) => {
    expect(growthOf(points)).toEqual(expected);
  });
});

describe("tiles", () => {
  const facts = {
    workers: [
      worker({ name: "a", slots: 4, active: 2, reserved: 1 }),
      worker({ name: "b", status: "silent", slots: 8, active: 8, reserved: 9 }),
    ],
    queues: [
      queue({ ready: { value: 3 }, oldestAge: { value: 12 } }),
      queue({ name: "b", ready: { value: 4 }, oldestAge: { value: 5 } }),
    ],
    brokerAnswers: true,
    finishedPerMinute: 20,
    failures: { count: 1, share: 0.05 },
    deadLetters: 2,
  };

  test("add up what is online and known now", () => {
    expect(tilesOf(facts)).toMatchObject({
      workersOnline: 1,
      workersKnown: 2,
      running: 2,
      slots: 4,
      reserved: 1,
      ready: 7,
      oldestWaiting: 12,
      deadLetters: 2,
    });
  });

  test("of a broker that does not answer are not known", () => {
    expect(tilesOf({ ...facts, brokerAnswers: false })).toMatchObject({
      ready: null,
      scheduled: null,
      oldestWaiting: null,
      deadLetters: null,
    });
  });

  test("of what the broker cannot tell are not known, nor added up", () => {
    const queues = [queue({ scheduled: { value: null, reason: "not told" } })];
    expect(tilesOf({ ...facts, queues })).toMatchObject({ scheduled: null });
  });
});
