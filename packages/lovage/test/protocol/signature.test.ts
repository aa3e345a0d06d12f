import { describe, expect, test } from "vitest";
import { DecodeError } from "../../src/errors.js";
import { parseSignature } from "../../src/protocol/signature.js";

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
});
