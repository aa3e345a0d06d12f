import { describe, expect, test } from "vitest";
import { csvLine } from "../../src/api/csv-line.js";
import { canStop, canTerminate, mayRetry } from "../../src/server/actions/possible-actions.js";
import { emptyRecord } from "../../src/server/store/task-record.js";
import { errorChainOf } from "../../src/server/tasks/error-chain.js";
import { histogramOf } from "../../src/server/tasks/task-types.js";
import { exactValue, textValue } from "../../src/server/tasks/task-value.js";

const task = (state: string) => ({ ...emptyRecord("t1", 0), name: "shop.add", state });

describe("values of a task", () => {
  test("exact JSON is shown as a value with its size", () => {
    expect(exactValue('[1,{"é":2}]')).toEqual({ form: "json", value: [1, { é: 2 }], sizeBytes: 12, cut: false });
  });

  test("more than 64 KiB is shown by its beginning", () => {
    const value = exactValue(JSON.stringify(["x".repeat(100_000)]));
    expect(value).toMatchObject({ form: "json", cut: true, sizeBytes: 100_004 });
    expect(String(value.value)).toHaveLength(65_536);
  });

  test("a text for people is never parsed", () => {
    expect(textValue("[1, 2]")).toEqual({ form: "repr", value: "[1, 2]", sizeBytes: null, cut: false });
    expect(textValue("('aaaa...',)").cut).toBe(true);
  });
});

describe("an error and its causes", () => {
  test("our tracebacks have the outermost first", () => {
    const traceback = [
      "TypeError: bad image",
      "    at run (file:///app/tasks.js:1:1)",
      "Caused by: Error: connection lost",
      "    at connect (file:///app/net.js:2:2)",
    ].join("\n");
    expect(errorChainOf("TypeError('bad image')", traceback)).toEqual([
      { class: "TypeError", message: "bad image" },
      { class: "Error", message: "connection lost" },
    ]);
  });

  test("Python's have it last", () => {
    const traceback = [
      "Traceback (most recent call last):",
      '  File "a.py", line 1, in f',
      "ValueError: inner",
      "",
      "The above exception was the direct cause of the following exception:",
      "",
      "Traceback (most recent call last):",
      '  File "a.py", line 3, in g',
      "app.errors.Outer: outer",
      "",
    ].join("\n");
    expect(errorChainOf("Outer('outer')", traceback)).toEqual([
      { class: "Outer", message: "outer" },
      { class: "ValueError", message: "inner" },
    ]);
  });

  test("texts that are no errors are messages", () => {
    expect(errorChainOf("<img onerror=x>", null)).toEqual([{ class: "Error", message: "<img onerror=x>" }]);
    expect(errorChainOf(null, null)).toEqual([]);
  });
});

describe("what can be done", () => {
  test("a Python worker cannot ask a task to stop", () => {
    const worker = { kind: "celery", status: "online", name: "w" };
    expect(canStop(task("STARTED"), worker as never)).toMatchObject({ possible: false });
    expect(canTerminate(task("STARTED"), worker as never)).toEqual({ possible: true, reason: null });
  });

  test("a custom state is a running task's", () => {
    expect(canStop(task("RESIZING"), undefined).possible).toBe(true);
    expect(canStop(task("RECEIVED"), undefined).reason).toBe("it does not run yet: revoke it");
  });

  test("a task is retried when it is over and has not succeeded, unless workers remember it as revoked", () => {
    expect(["FAILURE", "REJECTED", "IGNORED", "LOST"].map((state) => mayRetry(task(state)).possible)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(["PENDING", "STARTED", "SUCCESS", "REVOKED"].map((state) => mayRetry(task(state)).possible)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("CSV", () => {
  test("quotes what must be quoted, and lets no cell become a formula", () => {
    expect(csvLine(["a,b", 'say "x"', null, 1.5, "=cmd()", "-1+1", "two\nlines"])).toBe(
      '"a,b","say ""x""",,1.5,\'=cmd(),\'-1+1,"two\nlines"\r\n',
    );
  });
});

describe("the histogram of runtimes", () => {
  test("has a bar for each step from the shortest to the longest, and counts every run once", () => {
    expect(histogramOf([0.02, 0.3, 0.3, 0.04])).toEqual([
      { upTo: 0.025, count: 1 },
      { upTo: 0.05, count: 1 },
      { upTo: 0.1, count: 0 },
      { upTo: 0.25, count: 0 },
      { upTo: 0.5, count: 2 },
    ]);
    expect(histogramOf([])).toEqual([]);
    expect(histogramOf([200_000])).toEqual([{ upTo: 200_000, count: 1 }]);
  });
});
