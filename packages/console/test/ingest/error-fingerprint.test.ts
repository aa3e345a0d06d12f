import { describe, expect, test } from "vitest";
import { errorFingerprint, errorParts } from "../../src/server/ingest/error-fingerprint.js";

const of = (error: string, task: string | null = "shop.add"): string => errorFingerprint(task, error).fingerprint;

describe("the fingerprint of an error", () => {
  const alike: Readonly<Record<string, readonly string[]>> = {
    "other numbers": ["ValueError('no user 12')", "ValueError('no user 4711')", "ValueError('no user 3.75')"],
    "other times and addresses": [
      "TimeoutError('10.0.0.1:5432 did not answer at 10:15:30')",
      "TimeoutError('10.0.12.9:5433 did not answer at 23:59:01')",
    ],
    "other ids": [
      "KeyError('order 0b0f6c0e-9c1a-4a56-8a0e-5a2b1f6f0001 is gone')",
      "KeyError('order ffffffff-0000-4000-8000-123456789abc is gone')",
    ],
    "other hexadecimal words": ["Error('blob 0xdeadbeef')", "Error('blob 0x1')", "Error('blob 9f86d081884c7d65')"],
    "other quoted text": [
      `ValueError("field 'name' is missing")`,
      `ValueError("field 'e-mail of the customer' is missing")`,
    ],
    "other long tokens": [
      "Error('session eyJhbGciOiJIUzI1NiJ9abc1 is over')",
      "Error('session Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5 is over')",
    ],
    "other blanks": ["Error('a   b\\nc')", "Error('a b c')"],
    "another way of writing": ["ValueError('no user 12')", "ValueError: no user 13"],
    "Python's comma": ["ValueError('no',)", "ValueError('no')"],
    "arguments behind the message": ["OSError('gone', 3)", "OSError('gone', 'x')"],
  };
  for (const [what, errors] of Object.entries(alike)) {
    test(`is the same with ${what}`, () => {
      expect(new Set(errors.map((error) => of(error))).size).toBe(1);
    });
  }

  const apart: Readonly<Record<string, readonly [string, string]>> = {
    "of another class": ["ValueError('no user 12')", "KeyError('no user 12')"],
    "of another class of the same name elsewhere": ["app.errors.Gone('x')", "lib.errors.Gone('x')"],
    "with another message": ["ValueError('no user 12')", "ValueError('no group 12')"],
    "with a number where there was none": ["ValueError('no user')", "ValueError('no user 12')"],
  };
  for (const [what, [one, other]] of Object.entries(apart)) {
    test(`is another one for an error ${what}`, () => {
      expect(of(one)).not.toBe(of(other));
    });
  }

  test("is another one in another task, and the same whenever it is asked for", () => {
    expect(of("E('x')", "a")).not.toBe(of("E('x')", "b"));
    expect(of("E('x')", null)).toBe(of("E('x')", null));
    expect(of("E('x')")).toMatch(/^[0-9a-f]{16}$/);
  });

  test("goes with a class and a message that show what was stripped", () => {
    expect(errorFingerprint("t", `ValueError("no user 12 in 'Berlin'")`)).toMatchObject({
      class: "ValueError",
      message: "no user <n> in '…'",
    });
  });

  test("leaves an apostrophe within words alone", () => {
    expect(errorFingerprint("t", "Error: it's Anna's turn").message).toBe("it's Anna's turn");
  });

  test("is told of any text, soon, and keeps little of a long one", () => {
    for (const text of [
      "",
      "(",
      "boom",
      "<img onerror=x>",
      "E(".repeat(5_000),
      "'".repeat(100_000),
      "a1".repeat(50_000),
    ]) {
      const { fingerprint, message } = errorFingerprint(null, text);
      expect(fingerprint).toHaveLength(16);
      expect(message.length).toBeLessThanOrEqual(300);
    }
    expect(errorParts("boom")).toEqual({ class: "Error", message: "boom" });
    expect(errorParts("ValueError('cut off before its e")).toEqual({
      class: "ValueError",
      message: "cut off before its e",
    });
  });
});
