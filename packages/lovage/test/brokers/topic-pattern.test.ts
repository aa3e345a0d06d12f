import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesTopic } from "../../src/brokers/topic-pattern.js";

describe("a topic pattern", () => {
  test.for([
    // The examples of RabbitMQ's tutorial on topics, and the edges of `#`.
    {
      pattern: "*.orange.*",
      matching: ["quick.orange.rabbit", "a.orange.b"],
      other: ["orange", "quick.orange", "quick.orange.male.rabbit"],
    },
    { pattern: "*.*.rabbit", matching: ["quick.orange.rabbit"], other: ["orange.rabbit", "a.b.c.rabbit"] },
    { pattern: "lazy.#", matching: ["lazy", "lazy.fox", "lazy.pink.rabbit"], other: ["lazyx", "quick.lazy"] },
    { pattern: "#", matching: ["", "a", "a.b.c"], other: [] },
    { pattern: "#.end", matching: ["end", "a.end", "a.b.end"], other: ["end.a"] },
    { pattern: "a.#.z", matching: ["a.z", "a.b.z", "a.b.c.z"], other: ["a", "z", "a.z.b"] },
    { pattern: "a.b", matching: ["a.b"], other: ["a", "a.b.c", "aXb"] },
    { pattern: "*", matching: ["a", ""], other: ["a.b"] },
  ])("$pattern", ({ pattern, matching, other }) => {
    for (const key of matching) expect(matchesTopic(pattern, key), key).toBe(true);
    for (const key of other) expect(matchesTopic(pattern, key), key).toBe(false);
  });

  test("matches what its meaning, written out, matches", () => {
    const words = fc.array(fc.constantFrom("a", "b", "*", "#"), { minLength: 1, maxLength: 6 });
    const keys = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(words, keys, (pattern, key) => {
        expect(matchesTopic(pattern.join("."), key.join("."))).toBe(matchesByMeaning(pattern, key));
      }),
    );
  });

  test("of many hashes takes no time", () => {
    const started = performance.now();
    expect(matchesTopic(Array(40).fill("#").join("."), `${"a.".repeat(60)}b`)).toBe(true);
    expect(matchesTopic(`${"#.a.".repeat(30)}z`, "a.".repeat(120))).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

/** The definition, word by word. */
function matchesByMeaning([first, ...rest]: readonly string[], key: readonly string[]): boolean {
  if (first === undefined) return key.length === 0;
  if (first === "#")
    return key.length > 0
      ? matchesByMeaning(rest, key) || matchesByMeaning([first, ...rest], key.slice(1))
      : matchesByMeaning(rest, key);
  return key.length > 0 && (first === "*" || first === key[0]) && matchesByMeaning(rest, key.slice(1));
}
