import { describe, expect, test } from "vitest";
import { HELP, parseOptions } from "../src/options.js";

const DEFAULTS = { once: false, blog: undefined, since: null, until: null, skip: 0, limit: null, port: undefined };
const problemsOf = (...args: string[]) => {
  const parsed = parseOptions(args);
  return parsed.kind === "wrong" ? parsed.problems : [];
};

describe("parseOptions", () => {
  test("asks for nothing by default", () => {
    expect(parseOptions([])).toEqual({ kind: "run", options: DEFAULTS });
  });
  test("reads every option", () => {
    const args = [
      "--blog",
      "https://a.example",
      "--skip",
      "2",
      "--limit=5",
      "--since",
      "2024-01-01",
      "--until",
      "2024-12-31",
      "--once",
      "--port",
      "0",
    ];
    expect(parseOptions(args)).toEqual({
      kind: "run",
      options: {
        once: true,
        blog: "https://a.example/",
        since: "2024-01-01",
        until: "2024-12-31",
        skip: 2,
        limit: 5,
        port: 0,
      },
    });
  });
  test("shows help whatever else is there", () => {
    expect(parseOptions(["--help"])).toEqual({ kind: "help" });
    expect(parseOptions(["-h", "--nonsense"])).toEqual({ kind: "help" });
  });
  test("names every option in the help", () => {
    for (const flag of ["blog", "since", "until", "skip", "limit", "once", "port", "help"])
      expect(HELP).toContain(`--${flag} `);
  });
  test("names the option that was probably meant", () => {
    expect(problemsOf("--onec")).toEqual(["there is no --onec; did you mean --once?"]);
    expect(problemsOf("--verbose")).toEqual(["there is no --verbose; see --help"]);
    expect(problemsOf("https://a.example")).toEqual([
      'unexpected "https://a.example"; did you mean --blog https://a.example?',
    ]);
  });
  test("reports all problems together", () => {
    expect(
      problemsOf(
        "--blog",
        "ftp://a",
        "--since",
        "2024-13-01",
        "--skip=-1",
        "--limit",
        "0",
        "--port",
        "99999",
        "--until",
      ),
    ).toEqual([
      "--until needs a value",
      "--blog ftp://a: Enter a web address such as https://example.blogspot.com/.",
      "--since 2024-13-01: Enter a day as year-month-day, such as 2024-01-31.",
      "--skip -1: Enter a whole number from 0 to 100000.",
      "--limit 0: Enter a whole number from 1 to 100000.",
      "--port 99999: Enter a port from 0 to 65535; 0 means any free one.",
    ]);
  });
  test("refuses days in the wrong order, and values for what takes none", () => {
    expect(problemsOf("--since", "2024-02-01", "--until", "2024-01-01")).toEqual([
      "--until 2024-01-01: The last day is before the first.",
    ]);
    expect(problemsOf("--once=yes")).toEqual(["--once takes no value"]);
  });
});
