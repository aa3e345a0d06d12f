import { describe, expect, it } from "vitest";
import type { JobDetail } from "../../src/api/jobs.js";
import type { LogLine } from "../../src/api/tasks.js";
import { jsonText, parseJsonText } from "../../src/web/components/json-text.js";
import { EMPTY_JOB, jobDraftOf, readJobDraft } from "../../src/web/pages/jobs/job-draft.js";
import { rerunParameters } from "../../src/web/pages/jobs/rerun-parameters.js";
import { EMPTY_DRAFT, inMode, readDraft } from "../../src/web/pages/tasks/call-draft.js";
import { logText, matchingLines, withLines } from "../../src/web/pages/tasks/log-lines.js";
import { percentText } from "../../src/web/pages/tasks/percent-text.js";

describe("JSON in an editor", () => {
  it("keeps all digits of integers beyond 2^53, there and back", () => {
    const value = {
      id: { $bigint: "9007199254740993123" },
      near: 12,
      text: '9007199254740993123 \\" 5',
      float: 1.5e300,
    };
    expect(jsonText(value)).toContain('"id": 9007199254740993123');
    expect(parseJsonText(jsonText(value))).toEqual(value);
  });

  it("refuses what is no JSON", () => {
    expect(() => parseJsonText("{'a': 1}")).toThrow(SyntaxError);
  });
});

describe("a call as it is written", () => {
  it("leaves out what was left empty", () => {
    expect(readDraft({ ...EMPTY_DRAFT, argsText: "[1, 2]" })).toEqual({ ok: true, call: { args: [1, 2], kwargs: {} } });
  });

  it("reads every option of sending", () => {
    const draft = {
      ...EMPTY_DRAFT,
      start: "countdown" as const,
      countdown: "1.5",
      queue: " images ",
      priority: "9",
      expires: "60",
      id: "mine",
    };
    expect(readDraft(draft)).toMatchObject({
      call: { countdown: 1.5, queue: "images", priority: 9, expires: 60, id: "mine" },
    });
  });

  it("names each mistake by its field, as the server would", () => {
    const draft = {
      ...EMPTY_DRAFT,
      argsText: "{}",
      kwargsText: "[",
      start: "eta" as const,
      priority: "10",
      expires: "-1",
    };
    const reading = readDraft(draft);
    expect(reading.ok ? [] : reading.errors.map((error) => error.path)).toEqual([
      "args",
      "kwargs",
      "eta",
      "expires",
      "priority",
    ]);
  });

  it("carries values from the form to JSON and back, and keeps a text that is no object where it is", () => {
    const form = { ...EMPTY_DRAFT, mode: "form" as const, kwargs: { limit: 20 } };
    const json = inMode(form, "json");
    expect(json.kwargsText).toBe('{\n  "limit": 20\n}');
    expect(inMode({ ...json, kwargsText: '{"limit": 21}' }, "form").kwargs).toEqual({ limit: 21 });
    expect(inMode({ ...json, kwargsText: "[" }, "form").mode).toBe("json");
  });
});

describe("a job as it is written", () => {
  const schema = { type: "object", properties: { blog: {}, limit: {}, skip: {} } };
  const job: JobDetail = {
    slug: "scrape",
    title: "Scrape",
    task: "blog.scrape",
    description: null,
    source: "console",
    concurrency: "skip",
    lastRun: null,
    running: 0,
    successRate: null,
    lengthP95: null,
    nextRun: null,
    runs: 0,
    fixed: { skip: true },
    defaults: { limit: 20 },
    form: { type: "object", properties: { blog: {}, limit: {} } },
    queue: "slow",
    etag: '"3"',
  };

  it("is saved as it was when nothing is changed", () => {
    expect(readJobDraft(jobDraftOf(job), schema)).toEqual({
      ok: true,
      definition: {
        title: "Scrape",
        slug: "scrape",
        task: "blog.scrape",
        description: null,
        concurrency: "skip",
        queue: "slow",
        fixed: { skip: true },
        defaults: { limit: 20 },
        asked: null,
      },
    });
  });

  it("names what it asks for once something is neither asked nor fixed", () => {
    const draft = jobDraftOf(job);
    const reading = readJobDraft({ ...draft, modes: { ...draft.modes, limit: "default" } }, schema);
    expect(reading).toMatchObject({ definition: { asked: ["blog"], defaults: { limit: 20 }, fixed: { skip: true } } });
  });

  it("wants a value for what is fixed", () => {
    const reading = readJobDraft({ ...EMPTY_JOB, modes: { blog: "fixed", limit: "ask", skip: "ask" } }, schema);
    expect(reading).toMatchObject({ ok: false, errors: [{ path: "fixed.blog" }] });
  });

  it("takes JSON where the task tells no schema", () => {
    expect(readJobDraft({ ...EMPTY_JOB, fixedText: "{" }, null)).toMatchObject({
      ok: false,
      errors: [{ path: "fixed" }],
    });
    expect(readJobDraft({ ...EMPTY_JOB, askedText: "a, b ,," }, null)).toMatchObject({
      definition: { asked: ["a", "b"] },
    });
  });

  it("gives a re-run what the job asks for, and nothing that it fixes", () => {
    const parameters = { blog: "x", limit: 5, skip: true };
    expect(rerunParameters(job, parameters)).toEqual({ blog: "x", limit: 5 });
    expect(rerunParameters({ ...job, form: null }, parameters)).toEqual({});
    expect(rerunParameters({ ...job, form: { type: "object", properties: {} } }, parameters)).toEqual({
      blog: "x",
      limit: 5,
    });
  });
});

describe("log lines", () => {
  const line = (seq: number, changes: Partial<LogLine> = {}): LogLine => ({
    seq,
    taskId: "t",
    at: "2026-01-31T10:00:00.000Z",
    level: "info",
    message: `line ${seq}`,
    fields: {},
    attempt: 1,
    worker: null,
    ...changes,
  });

  it("are there once, in order, though they were read and streamed", () => {
    const read = [line(1), line(3)];
    expect(withLines(read, [line(3), line(2), line(4)]).map((each) => each.seq)).toEqual([1, 2, 3, 4]);
    expect(withLines(read, [])).toBe(read);
  });

  it("are found by level and by text of message or members, whatever the case", () => {
    const lines = [line(1, { level: "debug" }), line(2, { level: "error" }), line(3, { fields: { Page: "X9" } })];
    expect(matchingLines(lines, "warn", "").map((each) => each.seq)).toEqual([2]);
    expect(matchingLines(lines, "debug", 'page="x9').map((each) => each.seq)).toEqual([3]);
  });

  it("are saved with their attempts apart", () => {
    expect(logText([line(1), line(2, { attempt: 2, level: "warn", fields: { n: 1 } })])).toBe(
      "2026-01-31T10:00:00.000Z INFO  line 1\n--- attempt 2 ---\n2026-01-31T10:00:00.000Z WARN  line 2 n=1\n",
    );
  });
});

describe("shares", () => {
  it("never round to all or nothing", () => {
    expect([0, 0.0001, 0.5, 0.9999, 1, null].map(percentText)).toEqual([
      "0 %",
      "0.1 %",
      "50 %",
      "99.9 %",
      "100 %",
      "–",
    ]);
  });
});
