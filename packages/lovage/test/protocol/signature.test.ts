import { describe, expect, test } from "vitest";
import { DecodeError } from "../../src/errors.js";
import { applySignature, parseSignature } from "../../src/protocol/signature.js";
import { decodeTaskMessage, encodeTaskMessage } from "../../src/protocol/task-message.js";

const NOW = new Date("2026-01-01T00:00:00Z");
const CONTEXT = { now: NOW };
const signature = parseSignature({
  task: "proj.add",
  args: [3],
  kwargs: { a: 1, b: 1 },
  options: { queue: "q", task_id: "id-1" },
});

describe("a signature", () => {
  test("has all six keys, whatever it came with", () => {
    expect(parseSignature({ task: "t", args: [10], chord_size: 3 })).toEqual({
      task: "t",
      args: [10],
      kwargs: {},
      options: {},
      subtask_type: null,
      immutable: false,
    });
  });

  test.each([
    [null],
    ["t"],
    [[]],
    [{}],
    [{ task: "" }],
    [{ task: "t", args: {} }],
    [{ task: "t", kwargs: [] }],
    [{ task: "t", options: 7 }],
  ])("that is none (%j) is a DecodeError", (value) => {
    expect(() => parseSignature(value)).toThrow(DecodeError);
  });

  test("gets its caller's arguments in front, and its keyword arguments over its own", () => {
    const { fields, queue } = applySignature(signature, [1, 2], { b: 2 }, { queue: null, priority: 3 }, CONTEXT);
    expect(fields).toMatchObject({
      id: "id-1",
      task: "proj.add",
      args: [1, 2, 3],
      kwargs: { a: 1, b: 2 },
      priority: 3,
    });
    expect(fields).toMatchObject({ rootId: "id-1", parentId: null });
    expect(queue).toBe("q");
  });

  test("that is immutable keeps its own", () => {
    const { fields } = applySignature({ ...signature, immutable: true }, [1], { b: 2 }, {}, CONTEXT);
    expect(fields).toMatchObject({ args: [3], kwargs: { a: 1, b: 1 } });
  });

  test("keeps a stored group and its stamps against its caller's options", () => {
    const stored = { group_id: "g", stamped_headers: ["s"], s: "mine", link: [{ task: "t" }] };
    const given = { group_id: "other", stamped_headers: ["x"], s: "theirs", time_limit: 5, countdown: 10 };
    const { fields } = applySignature({ ...signature, options: stored }, [], {}, given, {
      now: NOW,
      sender: { id: "p", rootId: "r" },
    });
    expect(fields).toMatchObject({
      group: "g",
      stampedHeaders: ["s"],
      stamps: { s: "mine" },
      rootId: "r",
      parentId: "p",
    });
    expect(fields.timeLimit).toEqual({ hard: 5, soft: null });
    expect(fields.eta).toEqual(new Date("2026-01-01T00:00:10Z"));
    expect(fields.id).toMatch(/^[0-9a-f-]{36}$/);
    const task = decodeTaskMessage(encodeTaskMessage(fields));
    expect(task.embed.callbacks).toEqual([parseSignature({ task: "t" })]);
  });

  test("with options of a wrong type says which", () => {
    const options = { time_limit: "soon" };
    expect(() => applySignature({ ...signature, options }, [], {}, {}, CONTEXT)).toThrow("options.time_limit is");
  });
});
