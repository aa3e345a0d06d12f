import { describe, expect, it } from "vitest";
import {
  instantText,
  jsonFieldText,
  numberText,
  readInstantText,
  readJsonField,
  readNumberText,
  shownText,
  UnreadableJson,
  unreadableMembers,
} from "../../src/web/components/field-texts.js";
import { jsonText, parseJsonText } from "../../src/web/components/json-text.js";
import { emptyValue, readSchema, schemaDefaults } from "../../src/web/components/schema-reading.js";
import { EMPTY_JOB, readJobDraft } from "../../src/web/pages/jobs/job-draft.js";
import { EMPTY_DRAFT, inMode, readDraft } from "../../src/web/pages/tasks/call-draft.js";

describe("a field of JSON", () => {
  it("keeps what is no JSON as a value of its own, and never an older value in its place", () => {
    expect(readJsonField('{"a": 1}')).toEqual({ a: 1 });
    expect(readJsonField('{"a": 999')).toEqual(new UnreadableJson('{"a": 999'));
    expect(readJsonField("  ")).toBeUndefined();
  });

  it("holds back a call, and names the place", () => {
    const kwargs = { meta: readJsonField('{"a": 999'), rows: [readJsonField('"B"'), readJsonField("[")] };
    const reading = readDraft({ ...EMPTY_DRAFT, mode: "form", kwargs });
    expect(reading.ok ? [] : reading.errors.map((error) => error.path)).toEqual(["kwargs.meta", "kwargs.rows[1]"]);
    expect(reading.ok ? "" : reading.errors[0]?.message).toMatch(/^No JSON: /);
  });

  it("stays in the form until it is right, and is not taken over into the text", () => {
    const draft = { ...EMPTY_DRAFT, mode: "form" as const, kwargs: { meta: readJsonField("{") } };
    expect(inMode(draft, "json")).toEqual(draft);
  });

  it("holds back a job whose fixed values or defaults have one", () => {
    const draft = { ...EMPTY_JOB, task: "t", modes: { a: "fixed", b: "ask" } as const };
    const values = { a: readJsonField("{"), b: readJsonField("[") };
    const reading = readJobDraft({ ...draft, values }, { type: "object", properties: { a: {}, b: {} } });
    expect(reading.ok ? [] : reading.errors.map((error) => error.path)).toEqual(["fixed.a", "defaults.b"]);
  });

  it("finds none where all is read", () => {
    expect(unreadableMembers({ a: [1, { b: null }], c: "{" }, "")).toEqual([]);
  });
});

describe("the text of a field", () => {
  const shown = (typed: string, value: unknown) => shownText(typed, value, readJsonField, jsonFieldText);
  it("stays as it was typed while it stands for the value", () => {
    expect(shown('{"a":1}', { a: 1 })).toBe('{"a":1}');
    expect(shown("[", new UnreadableJson("["))).toBe("[");
    expect(shown("", undefined)).toBe("");
    // A list keeps a place for what was emptied.
    expect(shown("", null)).toBe("");
  });

  it("is the value's when that was changed from outside, as by the removal of an item before it", () => {
    expect(shown('"A"', "B")).toBe('"B"');
    expect(shown('"A"', new UnreadableJson("[1"))).toBe("[1");
    expect(shown("[", undefined)).toBe("");
  });

  it("is a number wherever no digit is lost by it", () => {
    expect(["1.50", "0.10", "5.", ".5", "1e3", "-0.0", "007"].map(readNumberText)).toEqual([
      1.5, 0.1, 5, 0.5, 1000, -0, 7,
    ]);
    expect(shownText("1.50", 1.5, readNumberText, numberText)).toBe("1.50");
    expect(readNumberText("")).toBeUndefined();
    expect(readNumberText("9007199254740993")).toEqual({ $bigint: "9007199254740993" });
  });

  it("stays a text for the server to refuse, where a number would be another one or is none", () => {
    for (const text of ["0.12345678901234567890", "1e999", "1e-999", "0x10", "Infinity", "1,5", "12a"])
      expect(readNumberText(text)).toBe(text);
  });

  it("of an instant stays while its year is typed digit by digit, whatever the zone was then", () => {
    for (const typed of ["0002-06-01T10:00", "0020-06-01T10:00:00", "2026-06-01T10:00"]) {
      const value = readInstantText(typed);
      expect(shownText(typed, value, readInstantText, instantText)).toBe(typed);
      expect(instantText(value)).toBe(typed.length === 16 ? `${typed}:00` : typed);
    }
  });

  it("of an instant that no date can hold is left to the server", () => {
    expect(readInstantText("275761-01-01T00:00")).toBe("275761-01-01T00:00");
    expect(readInstantText("")).toBeUndefined();
    expect(instantText("soon")).toBe("");
  });
});

describe("a required yes or no", () => {
  const schema = {
    type: "object",
    properties: {
      dry: { type: "boolean" },
      loud: { type: "boolean", default: true },
      maybe: { type: "boolean" },
      inner: { type: "object", properties: { on: { type: "boolean" } }, required: ["on"] },
    },
    required: ["dry", "loud", "inner"],
  };
  it("begins as the no that its empty box shows, also inside of objects that are required", () => {
    expect(schemaDefaults(schema)).toEqual({ dry: false, loud: true, inner: { on: false } });
    expect(schemaDefaults(schema, { dry: true, inner: { on: true } })).toEqual({
      dry: true,
      loud: true,
      inner: { on: true },
    });
  });
  it("begins so in a new item of a list, too", () => {
    expect(emptyValue(readSchema(schema))).toEqual({ dry: false, loud: true, inner: { on: false } });
  });
});

describe("JSON for people", () => {
  it("shows a text that looks like the mark of a large integer as that text", () => {
    const value = ["\u0000big:0", "big:0", { $bigint: "9007199254740993123" }];
    expect(parseJsonText(jsonText(value))).toEqual(value);
  });
});
