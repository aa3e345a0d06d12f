import { describe, expect, it } from "vitest";
import { zoomSeries } from "../../src/web/components/chart-zoom.js";
import { durationText } from "../../src/web/components/duration-text.js";
import { jsonText, sizeText } from "../../src/web/components/json-text.js";
import { absoluteTime, relativeTime } from "../../src/web/components/time-text.js";
import { foldTrace } from "../../src/web/components/trace-folding.js";

describe("durations", () => {
  it.each([
    [0, "0 ms"],
    [0.0846, "85 ms"],
    [0.9996, "1.0 s"],
    [1.42, "1.4 s"],
    [59.6, "1 m"],
    [72, "1 m 12 s"],
    [11_100, "3 h 5 m"],
    [187_200, "2 d 4 h"],
    [-72, "−1 m 12 s"],
  ])("%d s is %s", (seconds, text) => expect(durationText(seconds)).toBe(text));
});

describe("instants", () => {
  it("are said from now, both ways", () => {
    expect(relativeTime(0, 12_400)).toBe("12 s ago");
    expect(relativeTime(300_000, 0)).toBe("in 5 m");
    expect(relativeTime(0, 400)).toBe("now");
  });
  it("are written in UTC where that is chosen", () => {
    expect(absoluteTime("2026-01-31T10:00:00.123Z", "utc")).toBe("2026-01-31 10:00:00.123 UTC");
  });
});

describe("JSON for people", () => {
  it("keeps all digits of integers beyond 2^53", () => {
    expect(jsonText({ n: { $bigint: "9007199254740993123" } })).toBe('{\n  "n": 9007199254740993123\n}');
  });
  it("is not taken in by a text that looks like its own marks", () => {
    const value = { a: "\u0000big:0", b: { $bigint: "not a number" } };
    expect(JSON.parse(jsonText(value))).toEqual(value);
  });
  it("says sizes in steps of 1024", () => {
    expect([812, 4300, 1_400_000].map(sizeText)).toEqual(["812 B", "4.2 KiB", "1.3 MiB"]);
  });
});

describe("traces", () => {
  it("fold frames of Python's libraries with their source lines", () => {
    const parts = foldTrace(
      [
        "Traceback (most recent call last):",
        '  File "/usr/lib/python3/dist-packages/celery/app/trace.py", line 451, in trace_task',
        "    R = retval = fun(*args, **kwargs)",
        '  File "/srv/shop/orders.py", line 88, in charge',
        "    raise PaymentDeclined(card)",
        "PaymentDeclined: 4242",
      ].join("\n"),
    );
    expect(parts.map(({ foreign, frames, lines }) => [foreign, frames, lines.length])).toEqual([
      [false, 0, 1],
      [true, 1, 2],
      [false, 1, 3],
    ]);
  });
  it("fold frames of node_modules and of Node itself", () => {
    const parts = foldTrace(
      "Error: no\n    at charge (file:///srv/shop/orders.js:8:9)\n    at run (file:///srv/node_modules/x/y.js:1:1)\n    at process.processTicks (node:internal/process/task_queues:95:5)",
    );
    expect(parts.map(({ foreign, frames }) => [foreign, frames])).toEqual([
      [false, 1],
      [true, 2],
    ]);
  });
});

describe("charts", () => {
  it("keep the points of a marked stretch, two at least", () => {
    const series = {
      metric: "depth" as const,
      from: new Date(0).toISOString(),
      to: new Date(90_000).toISOString(),
      step: 10,
      unit: "count" as const,
      lines: [{ name: "a", points: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }],
    };
    const zoomed = zoomSeries(series, { fromMs: 32_000, toMs: 58_000 });
    expect(zoomed.lines[0]?.points).toEqual([3, 4, 5, 6]);
    expect(zoomed.from).toBe(new Date(30_000).toISOString());
    expect(zoomSeries(series, { fromMs: 95_000, toMs: 96_000 }).lines[0]?.points).toEqual([8, 9]);
  });
});
