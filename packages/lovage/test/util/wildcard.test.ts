import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesWildcard } from "../../src/util/wildcard.js";

test.each([
  ["", "", true],
  ["", "a", false],
  ["*", "", true],
  ["shop.*", "shop.", true],
  ["shop.*", "shop", false],
  ["a*b*c", "a-b-b-c", true],
  ["a*b", "a-b-c", false],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["?*", "", false],
  ["**", "abc", true],
  ["a.c", "abc", false],
  ["[ab]", "a", false],
])("%j against %j: %s", (pattern, text, fits) => {
  expect(matchesWildcard(pattern, text)).toBe(fits);
});

test("it agrees with a regular expression", () => {
  const letters = (...units: string[]) => fc.string({ unit: fc.constantFrom(...units), maxLength: 8 });
  fc.assert(
    fc.property(letters("a", "b", "*", "?"), letters("a", "b"), (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
      expect(matchesWildcard(pattern, text)).toBe(expression.test(text));
    }),
    { numRuns: 500 },
  );
});

test("many stars do not make it slow", () => {
  const started = performance.now();
  expect(matchesWildcard(`${"*a".repeat(50)}b`, "a".repeat(5000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});
