import { describe, expect, test } from "vitest";
import { statsOf } from "../../src/server/jobs/job-stats.js";
import type { StoredRun } from "../../src/server/jobs/run-store.js";
import { countersOf, isRunsRoot, linksOf } from "../../src/server/jobs/run-view.js";
import { emptyRecord } from "../../src/server/store/task-record.js";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 31, 12);

function run(number: number, changes: Partial<StoredRun>): StoredRun {
  return {
    id: `r${number}`,
    job: "scrape",
    number,
    state: "SUCCESS",
    open: false,
    queuedMs: NOW,
    startedMs: NOW,
    finishedMs: NOW + 1000,
    by: "ann",
    parameters: {},
    progressJson: null,
    counters: {},
    ...changes,
  };
}

describe("links of a result", () => {
  const links = (value: unknown): readonly string[] =>
    linksOf(JSON.stringify({ links: value })).map(({ label, href }) => `${label} ${href}`);

  test("are paths of this host and addresses of the web", () => {
    expect(
      links([
        { label: "Posts", href: "/posts?blog=1" },
        { label: "Site", href: "https://example.org/x" },
      ]),
    ).toEqual(["Posts /posts?blog=1", "Site https://example.org/x"]);
    expect(links({ Posts: "/posts" })).toEqual(["Posts /posts"]);
  });

  test("never lead elsewhere, nor run anything", () => {
    const hostile = [
      "javascript:alert(1)",
      "JaVaScRiPt:x",
      " javascript:x",
      "java\nscript:x",
      "//evil.org",
      "/\\evil.org",
      "\\\\evil",
      "data:text/html,x",
      "posts",
      "",
      "https:",
    ];
    expect(links(hostile.map((href) => ({ label: "x", href })))).toEqual([]);
    expect(links([null, 7, { label: 1, href: "/x" }, { href: {} }])).toEqual([]);
    expect(linksOf("not json")).toEqual([]);
  });
});

describe("counters of a run", () => {
  test("are the numbers at the top of the result, and what progress counted besides", () => {
    const counters = countersOf({
      progressJson: JSON.stringify({ current: 3, total: 5, message: null, counters: { saved: 2, seen: 3 } }),
      resultJson: JSON.stringify({ saved: 4, name: "x", nested: { a: 1 }, flag: true }),
    });
    expect(counters).toEqual({ saved: 4, seen: 3 });
  });
});

describe("the root of a run", () => {
  const task = { ...emptyRecord("t1", 0), job: "scrape" };
  test("is the task that bears the run's id", () => {
    expect(isRunsRoot({ ...task, runId: "t1" })).toBe(true);
    expect(isRunsRoot({ ...task, runId: "other" })).toBe(false);
    expect(isRunsRoot({ ...task, runId: null, rootId: "other" })).toBe(false);
    expect(isRunsRoot({ ...task, job: null, runId: "t1" })).toBe(false);
  });
});

describe("statistics of a job", () => {
  test("count days, lengths and counters", () => {
    const stats = statsOf(
      [
        run(3, { state: "STARTED", open: true, finishedMs: null, counters: { saved: 1 } }),
        run(2, { state: "FAILURE", queuedMs: NOW - DAY, finishedMs: NOW + 3000 }),
        run(1, { queuedMs: NOW - 100 * DAY, counters: { saved: 5 } }),
      ],
      NOW,
    );

    expect(stats.days).toHaveLength(30);
    expect(stats.days.at(-1)).toEqual({ day: "2026-01-31", states: { STARTED: 1 } });
    expect(stats.days.at(-2)).toEqual({ day: "2026-01-30", states: { FAILURE: 1 } });
    expect(stats.lengths.map(({ number, length }) => [number, length])).toEqual([
      [1, 1],
      [2, 3],
    ]);
    expect(stats.counters).toEqual([{ name: "saved", sum: 6, last: 1 }]);
    expect(stats).toMatchObject({ runs: 3, succeeded: 1, failed: 1, revoked: 0, lengthP50: 1, lengthP95: 3 });
  });
});
