import { describe, expect, test } from "vitest";
import { chartOf } from "../../src/server/overview/chart-series.js";
import { FinishedCount } from "../../src/server/overview/finished-count.js";
import { filled, frameOf, perMinute, shareOf, topLines } from "../../src/server/overview/series-lines.js";
import { ApiError } from "../../src/server/route.js";
import type { SeriesStore } from "../../src/server/store/series-store.js";
import { heard } from "../support/heard-event.js";

const NOW = Date.parse("2026-01-31T10:00:05.000Z");

describe("a chart's frame", () => {
  test.each([
    ["15m", 90, 10],
    ["1h", 120, 30],
    ["6h", 180, 120],
    ["24h", 144, 600],
    ["7d", 168, 3600],
    ["30d", 120, 21_600],
  ] as const)("of %s has %i points, %i s apart, and goes on to now", (range, points, step) => {
    const { fromMs, toMs, stepMs, lastShare } = frameOf(range, NOW);
    expect([(toMs - fromMs) / stepMs, stepMs / 1000]).toEqual([points, step]);
    expect(toMs % stepMs).toBe(0);
    expect(NOW).toBeLessThan(toMs);
    expect(NOW).toBeGreaterThanOrEqual(toMs - stepMs);
    expect(lastShare).toBeCloseTo((NOW - toMs + stepMs) / stepMs);
  });
});

describe("points", () => {
  test("are rates a minute, the last of a step that goes on", () => {
    const frame = { fromMs: 0, toMs: 30_000, stepMs: 10_000, lastShare: 0.5 };
    expect(perMinute([10, null, 10], frame)).toEqual([60, null, 120]);
    expect(perMinute([1], { ...frame, lastShare: 0.001 })).toEqual([20]);
  });

  test("are 0 where nothing was counted since counting began", () => {
    expect(
      filled([
        { name: "a", points: [null, 1, null] },
        { name: "b", points: [null, null, null] },
      ]),
    ).toEqual([
      { name: "a", points: [null, 1, 0] },
      { name: "b", points: [null, 0, 0] },
    ]);
    expect(filled([{ name: "a", points: [null] }])).toEqual([{ name: "a", points: [null] }]);
  });

  test("of many queues are those of the highest and the sum of the others", () => {
    const lines = [1, 5, 3, 4].map((n) => ({ name: `q${n}`, points: [n, null] }));
    expect(topLines(lines, 2)).toEqual([
      { name: "q5", points: [5, null] },
      { name: "q4", points: [4, null] },
      { name: "other", points: [4, null] },
    ]);
  });

  test("are shares where there was something to share", () => {
    expect(shareOf([1, null, null], [4, 4, 0])).toEqual([0.25, 0, null]);
  });
});

describe("charts", () => {
  const kept: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    finished: { "state:SUCCESS": 5, "state:FAILURE": 1, "state:SUCCESS|task:a|b": 4, "state:SUCCESS|queue:q": 3 },
    depth: { "queue:a|b": 7, "queue:q": 2 },
    busy: { "": 3 },
    slots: { "": 8 },
    wait: { "": 0.5 },
  };
  const fake = (metric: string, label: string | undefined, count: number) =>
    new Map(
      Object.entries(kept[metric] ?? {})
        .filter(([each]) => label === undefined || each === label)
        .map(([each, value]): [string, (number | null)[]] => [each, Array.from({ length: count }, () => value)]),
    );
  const series: SeriesStore = {
    count: () => undefined,
    observe: () => undefined,
    gauge: () => undefined,
    flush: async () => undefined,
    read: async ({ metric, label, fromMs, toMs, stepMs }) => fake(metric, label, (toMs - fromMs) / stepMs),
  };
  const names = async (metric: Parameters<typeof chartOf>[1]["metric"], by?: string) => {
    const { lines } = await chartOf(series, { metric, range: "15m", by }, new Date(NOW));
    return lines.map(({ name, points }) => `${name} ${points[0]}`);
  };

  test("are of the whole, or of what `by` names, with names of any characters", async () => {
    expect(await names("throughput")).toEqual(["SUCCESS 30", "FAILURE 6"]);
    expect(await names("throughput", "task:a|b")).toEqual(["SUCCESS 24"]);
    expect(await names("task", "task:a|b")).toEqual(["SUCCESS 24"]);
    expect(await names("depth")).toEqual(["a|b 7", "q 2"]);
    expect(await names("depth", "queue:q")).toEqual(["ready 2"]);
    expect(await names("slots")).toEqual(["busy 3", "capacity 8"]);
    expect(await names("wait")).toEqual(["p50 0.5", "p95 0.5", "p99 0.5"]);
  });

  test.each([
    ["slots", "queue:q"],
    ["queue", undefined],
    ["task", ""],
    ["throughput", "nonsense"],
  ] as const)("%s by %s is refused, naming what it can be", async (metric, by) => {
    await expect(names(metric, by)).rejects.toThrow(ApiError);
  });
});

describe("what finished", () => {
  test("counts each task once, when it becomes final", () => {
    const count = new FinishedCount();
    count.note(heard("task-succeeded", {}, { state: "SUCCESS" }), NOW);
    count.note(heard("task-failed", {}, { state: "FAILURE" }), NOW);
    count.note(heard("task-succeeded", {}, { state: "SUCCESS" }, "w", { state: "SUCCESS" }), NOW);
    count.note(heard("task-started", {}, { state: "STARTED" }), NOW);
    expect(count.perMinute(NOW)).toBe(2);
    expect(count.failures(NOW)).toEqual({ count: 1, share: 0.5 });
    expect(count.perMinute(NOW + 61_000)).toBe(0);
    expect(count.failures(NOW + 61_000)).toEqual({ count: 1, share: 0.5 });
    expect(count.failures(NOW + 3_601_000)).toEqual({ count: 0, share: null });
  });
});
