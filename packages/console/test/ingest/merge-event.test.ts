import { silentLogger } from "lovage";
import { describe, expect, test } from "vitest";
import { ContentsGuard } from "../../src/server/ingest/contents-guard.js";
import { mergeEvent, mergeFindings } from "../../src/server/ingest/merge-event.js";
import { readMarks, tryAt } from "../../src/server/ingest/task-marks.js";
import { readTaskNews, type TaskNews } from "../../src/server/ingest/task-news.js";
import { emptyRecord, type TaskRecord } from "../../src/server/store/task-record.js";

const T0 = Date.UTC(2026, 0, 31, 10) / 1000;
const NOW_MS = (T0 + 3600) * 1000;
const reader = { guard: new ContentsGuard({ redact: undefined, logger: silentLogger }), nameOf: () => undefined };

type Members = Readonly<Record<string, unknown>>;

/** An event `after` seconds, from a worker unless it says otherwise. */
function event(type: string, after: number, members: Members = {}, hostname = "w1@a"): TaskNews {
  const raw = {
    type,
    hostname,
    timestamp: T0 + after,
    clock: Math.floor(after * 10),
    fields: { uuid: "t1", ...members },
  };
  const news = readTaskNews(raw, NOW_MS, reader);
  if (!news) throw new Error("no news");
  return news;
}

const family = (members: Members = {}): Members => ({
  name: "shop.add",
  args: "(1, 2)",
  kwargs: "{}",
  root_id: "t1",
  parent_id: null,
  retries: 0,
  eta: null,
  expires: null,
  ...members,
});
const sent = (after: number, members: Members = {}): TaskNews =>
  event("task-sent", after, family({ queue: "images", exchange: "", routing_key: "images", ...members }), "gen9@c");
const received = (after: number, members: Members = {}, host?: string): TaskNews =>
  event("task-received", after, family(members), host);
const started = (after: number, host?: string): TaskNews => event("task-started", after, {}, host);

function merged(events: readonly TaskNews[]): TaskRecord {
  return events.reduce(mergeEvent, emptyRecord("t1", NOW_MS));
}

/** Every order of few events; two hundred random ones of more. */
function orders(events: readonly TaskNews[]): readonly (readonly TaskNews[])[] {
  if (events.length <= 5) return permutations(events);
  const random = mulberry32(7);
  return Array.from({ length: 200 }, () => shuffled(events, random));
}
function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ends: Readonly<Record<string, TaskNews>> = {
  SUCCESS: event("task-succeeded", 3, { result: "3", runtime: 0.75 }),
  FAILURE: event("task-failed", 3, { exception: "ValueError('no user 12')", traceback: "Traceback…" }),
  REVOKED: event("task-revoked", 3, { terminated: true, signum: "SIGTERM", expired: false }),
  REJECTED: event("task-rejected", 3, { requeue: false }),
};

const histories: Readonly<
  Record<string, { readonly events: readonly TaskNews[]; readonly expected: Partial<TaskRecord> }>
> = {
  "one that succeeds": {
    events: [sent(0), received(1), started(2), event("task-succeeded", 3, { result: "3", runtime: 0.75 })],
    expected: {
      state: "SUCCESS",
      name: "shop.add",
      queue: "images",
      client: "gen9@c",
      worker: "w1@a",
      result: "3",
      runtime: 0.75,
      attempt: 1,
      sentMs: T0 * 1000,
      receivedMs: (T0 + 1) * 1000,
      startedMs: (T0 + 2) * 1000,
      finishedMs: (T0 + 3) * 1000,
      firstMs: T0 * 1000,
    },
  },
  "one that fails": {
    events: [
      sent(0),
      received(1),
      started(2),
      event("task-failed", 3, { exception: "ValueError('no')", traceback: "tb" }),
    ],
    expected: { state: "FAILURE", error: "ValueError('no')", traceback: "tb", runtime: 1 },
  },
  "one that is retried, and succeeds on another worker": {
    events: [
      sent(0),
      received(1),
      started(2),
      event("task-retried", 3, {
        exception: "OSError('gone')",
        traceback: "tb",
        lovage: { eta: "2026-01-31T10:00:10Z" },
      }),
      received(10, { retries: 1, eta: "2026-01-31T10:00:10+00:00" }, "w2@a"),
      started(11, "w2@a"),
      event("task-succeeded", 12, { result: "3", runtime: 1 }, "w2@a"),
    ],
    expected: {
      state: "SUCCESS",
      worker: "w2@a",
      retries: 1,
      attempt: 2,
      error: null,
      startedMs: (T0 + 11) * 1000,
      etaMs: (T0 + 10) * 1000,
    },
  },
  "one between two tries": {
    events: [
      sent(0),
      received(1),
      started(2),
      event("task-retried", 3, { exception: "OSError('gone')", lovage: { eta: "2026-01-31T10:00:10Z" } }),
    ],
    expected: { state: "RETRY", etaMs: (T0 + 10) * 1000, error: "OSError('gone')", finishedMs: null, worker: "w1@a" },
  },
  "one that waits for a worker again after a retry": {
    events: [received(1), started(2), event("task-retried", 3, { exception: "E()" }), received(4, { retries: 1 })],
    expected: { state: "RECEIVED", attempt: 2 },
  },
  "one that was redelivered when its worker died": {
    events: [sent(0), received(1), started(2), received(30, {}, "w2@a"), started(31, "w2@a")],
    expected: { state: "STARTED", worker: "w2@a", attempt: 2, startedMs: (T0 + 31) * 1000, finishedMs: null },
  },
  "one that was redelivered after it succeeded": {
    events: [
      received(1),
      started(2),
      event("task-succeeded", 3, { result: "3", runtime: 1 }),
      received(30, {}, "w2@a"),
    ],
    expected: { state: "SUCCESS", worker: "w1@a", finishedMs: (T0 + 3) * 1000 },
  },
  "one that was given back": {
    events: [sent(0), received(1), started(2), event("task-rejected", 3, { requeue: true })],
    expected: { state: "PENDING", finishedMs: null, worker: "w1@a" },
  },
  "one that was cancelled with its worker, and delivered again": {
    events: [received(1), started(2), event("task-cancelled", 3), received(4, {}, "w2@a")],
    expected: { state: "RECEIVED", worker: "w2@a", attempt: 2 },
  },
  "one that expired": {
    events: [sent(0), received(1), event("task-revoked", 3, { terminated: false, signum: null, expired: true })],
    expected: { state: "REVOKED", revoked: true, error: "TaskRevokedError('expired')", finishedMs: (T0 + 3) * 1000 },
  },
  "one that was sent again under its id after it failed": {
    events: [
      received(1),
      started(2),
      event("task-failed", 3, { exception: "E()" }),
      sent(50),
      received(51),
      started(52),
    ],
    expected: { state: "STARTED", attempt: 2, finishedMs: null },
  },
  "one that waits for its time": {
    events: [sent(0, { eta: "2026-01-31T12:00:00+00:00" })],
    expected: { state: "PENDING", etaMs: Date.UTC(2026, 0, 31, 12) },
  },
  "one with a state of its own": {
    events: [received(1), started(2), event("task-crunching", 3)],
    expected: { state: "CRUNCHING" },
  },
  "one that tells how far it is, though its start was not heard": {
    events: [
      received(1),
      event("task-progress", 3, { name: "shop.add", current: 1, total: 4, counters: { posts: 2 } }),
    ],
    expected: { state: "STARTED", progressJson: '{"current":1,"total":4,"message":null,"counters":{"posts":2}}' },
  },
  "one of ours with exact arguments": {
    events: [
      sent(0, { lovage: { args: [1, 2], kwargs: { a: 10n ** 20n }, job: "scrape", job_run: "r1", size: 120 } }),
      received(1, {
        lovage: { args: [1, 2], kwargs: { a: 10n ** 20n }, queue: "images", deliveries: 1, time_limit: 30 },
      }),
    ],
    expected: {
      argsJson: "[1,2]",
      kwargsJson: '{"a":100000000000000000000}',
      argsSource: "event",
      job: "scrape",
      runId: "r1",
      sizeBytes: 120,
      timeLimit: 30,
      deliveries: 1,
    },
  },
};

describe("merging events", () => {
  for (const [what, { events, expected }] of Object.entries(histories)) {
    test(`in any order tell the same of ${what}`, () => {
      const inOrder = merged(events);
      expect(inOrder).toMatchObject(expected);
      for (const order of orders(events)) expect(merged(order)).toEqual(inOrder);
    });

    test(`a second time change nothing of ${what}`, () => {
      expect(merged([...events, ...events])).toEqual(merged(events));
    });
  }

  test("in any order tell the same of whatever may happen", () => {
    const random = mulberry32(42);
    for (let round = 0; round < 200; round += 1) {
      const events = Array.from({ length: 1 + Math.floor(random() * 7) }, () => randomEvent(random));
      const inOrder = merged(events);
      for (let i = 0; i < 20; i += 1) expect(merged(shuffled(events, random))).toEqual(inOrder);
    }
  });

  for (const [state, end] of Object.entries(ends)) {
    test(`keeps ${state} when news from before it come late`, () => {
      expect(merged([end, started(2), received(1), sent(0)])).toMatchObject({ state, finishedMs: (T0 + 3) * 1000 });
    });
  }

  test("groups failures of one kind", () => {
    const fingerprint = (text: string): string | null =>
      merged([received(1), event("task-failed", 3, { exception: text })]).fingerprint;
    expect(fingerprint("ValueError('no user 12')")).toBe(fingerprint("ValueError('no user 4711')"));
    expect(fingerprint("ValueError('no user 12')")).not.toBe(fingerprint("KeyError('no user 12')"));
  });

  test("tells which try something belongs to", () => {
    const record = merged([received(1), started(2), received(10, { retries: 1 }), started(11)]);
    const marks = readMarks(record.marksJson);
    const tryOf = (after: number): number =>
      tryAt(marks, record.attempt, { atMs: (T0 + after) * 1000, retries: undefined });
    expect([0, 1, 5, 10, 12].map(tryOf)).toEqual([1, 1, 1, 2, 2]);
  });

  test("tells which try something belongs to where tries follow each other within a millisecond", () => {
    const record = merged([received(1), started(1), received(1, { retries: 1 }), received(1, { retries: 2 })]);
    expect(record).toMatchObject({ retries: 2, attempt: 3 });
    const tryOf = (retries: number): number =>
      tryAt(readMarks(record.marksJson), record.attempt, { atMs: (T0 + 1) * 1000, retries });
    expect([0, 1, 2].map(tryOf)).toEqual([1, 2, 3]);
  });

  test("tells a redelivered try from the one before it, and counts tries that nobody told of", () => {
    const redelivered = merged([received(1), received(30, {}, "w2@a"), received(40, { retries: 1 }, "w2@a")]);
    const tryOf = (record: TaskRecord, after: number, retries: number): number =>
      tryAt(readMarks(record.marksJson), record.attempt, { atMs: (T0 + after) * 1000, retries });
    expect([tryOf(redelivered, 2, 0), tryOf(redelivered, 31, 0), tryOf(redelivered, 40, 1)]).toEqual([1, 2, 3]);
    // The clock of the worker that took the second try is behind.
    expect(tryOf(redelivered, 39, 1)).toBe(3);

    const missed = merged([received(10, { retries: 2 })]);
    expect([tryOf(missed, 1, 0), tryOf(missed, 5, 1), tryOf(missed, 11, 2)]).toEqual([1, 2, 3]);
  });

  test("says of a log line that is too long that it was cut", () => {
    const line = (message: string): string | undefined => event("task-log", 1, { message, level: "info" }).log?.message;
    expect(line("x".repeat(16_384))).toBe("x".repeat(16_384));
    expect(line("x".repeat(20_000))).toBe(`${"x".repeat(16_384)}… (cut: it has 20,000 characters)`);
  });

  test("counts the retries that a worker of ours speaks of", () => {
    const heard = merged([event("task-started", 2, { lovage: { pid: 7, deliveries: 1, retries: 3 } })]);
    expect(heard).toMatchObject({ retries: 3, attempt: 4 });
    const odd = [{ lovage: { retries: -1 } }, { lovage: { retries: "2" } }, { lovage: 7 }];
    for (const members of odd) expect(merged([event("task-failed", 2, members)])).toMatchObject({ retries: 0 });
  });
});

describe("merging what the console found out", () => {
  const running = (): TaskRecord => merged([sent(0), received(1), started(2)]);

  test("gives a task up for lost, until anything newer is heard", () => {
    const lost = mergeFindings(running(), { state: "LOST" }, NOW_MS);
    expect(lost).toMatchObject({ state: "LOST", worker: "w1@a", finishedMs: null });
    expect(mergeEvent(lost, received(2.5, {}, "w2@a"))).toMatchObject({
      state: "RECEIVED",
      worker: "w2@a",
      attempt: 2,
    });
    expect(mergeEvent(lost, event("task-succeeded", 2.2, { result: "3", runtime: 0.2 }))).toMatchObject({
      state: "SUCCESS",
    });
    expect(mergeEvent(lost, event("task-failed", 3, { exception: "E()" }))).toMatchObject({ state: "FAILURE" });
    expect(mergeEvent(lost, event("task-progress", 3, { current: 1 }))).toMatchObject({ state: "STARTED" });
    expect(mergeEvent(lost, sent(0))).toMatchObject({ state: "LOST" });
  });

  test("takes a lost task back when its worker says that it has it", () => {
    const lost = mergeFindings(running(), { state: "LOST" }, NOW_MS);
    const back = mergeFindings(lost, { state: "STARTED", worker: "w1@a", startedMs: (T0 + 2) * 1000 }, NOW_MS);
    expect(back).toMatchObject({ state: "STARTED", worker: "w1@a" });
  });

  test("makes a missed end good, and keeps what was known", () => {
    const ended = mergeFindings(running(), { state: "SUCCESS", result: "3", finishedMs: (T0 + 5) * 1000 }, NOW_MS);
    expect(ended).toMatchObject({
      state: "SUCCESS",
      result: "3",
      worker: "w1@a",
      finishedMs: (T0 + 5) * 1000,
      name: "shop.add",
    });
  });

  test("opens a failed task again that is sent once more", () => {
    const failed = merged([received(1), event("task-failed", 3, { exception: "E()" })]);
    const again = mergeFindings(failed, { state: "PENDING" }, NOW_MS);
    expect(again).toMatchObject({ state: "PENDING", finishedMs: null });
    expect(
      mergeFindings(merged([event("task-succeeded", 3, { result: "1", runtime: 1 })]), { state: "PENDING" }, NOW_MS)
        .state,
    ).toBe("SUCCESS");
  });

  test("learns arguments without touching the state", () => {
    const learned = mergeFindings(running(), { argsJson: "[1]", kwargsJson: "{}", argsSource: "queue" }, NOW_MS);
    expect(learned).toMatchObject({ state: "STARTED", argsJson: "[1]", argsSource: "queue" });
  });
});

function randomEvent(random: () => number): TaskNews {
  // Whole tenths, so that some fall together.
  const after = Math.floor(random() * 40) / 10;
  const host = random() < 0.5 ? "w1@a" : "w2@b";
  const choices: readonly (() => TaskNews)[] = [
    () => received(after, { retries: Math.floor(after) }, host),
    () => started(after, host),
    () => event("task-succeeded", after, { result: `'${after} ${host}'`, runtime: after }, host),
    () => event("task-failed", after, { exception: "E('x')", traceback: "tb" }, host),
    () => event("task-retried", after, { exception: "E('x')", traceback: "tb" }, host),
    () => event("task-revoked", after, { terminated: true, expired: false }, host),
    () => event("task-rejected", after, { requeue: random() < 0.5 }, host),
    () => event("task-cancelled", after, {}, host),
    () => event("task-progress", after, { name: "shop.add", current: after, total: 4 }, host),
    () => sent(after),
  ];
  const choice = choices[Math.floor(random() * choices.length)];
  return choice ? choice() : sent(after);
}
