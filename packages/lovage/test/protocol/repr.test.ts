import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reprArgs, reprKwargs, reprText, reprValue } from "../../src/protocol/repr.js";
import { Decimal, Uuid } from "../../src/protocol/values.js";

describe("texts of values for people", () => {
  test.each([
    [[], "()"],
    [[1], "(1,)"],
    [["it's", 'say "x"', `both ' and "`], `("it's", 'say "x"', 'both \\' and "')`],
    [["a\nb\t\\\u0000\u007f", "é☃", "\u2028", "\ud800"], "('a\\nb\\t\\\\\\x00\\x7f', 'é☃', '\\u2028', '\\ud800')"],
    [[null, undefined, true, false, 1.5, Number.NaN, -Infinity], "(None, None, True, False, 1.5, nan, -inf)"],
    [[[1, [2]], { a: { b: 1n } }], "([1, [2]], {'a': {'b': 1}})"],
    [[new Uint8Array([97, 39, 255, 0])], `(b"a'\\xff\\x00",)`],
    [
      [new Decimal("1.10"), new Uuid("1".repeat(32))],
      "(Decimal('1.10'), UUID('11111111-1111-1111-1111-111111111111'))",
    ],
    [
      [new Date("2024-01-02T03:04:05.006Z")],
      "(datetime.datetime(2024, 1, 2, 3, 4, 5, 6000, tzinfo=datetime.timezone.utc),)",
    ],
    [[new Map([[1, 2]]), () => 1, Symbol("s"), new Error("boom")], "(<Map of 1>, <function>, <symbol>, Error('boom'))"],
  ])("%#", (args, text) => {
    expect(reprArgs(args)).toBe(text);
  });

  test("keyword arguments look like a dictionary", () => {
    expect(reprKwargs({})).toBe("{}");
    expect(reprKwargs({ a: null, "b c": [1] })).toBe("{'a': None, 'b c': [1]}");
    expect(reprText("a")).toBe("'a'");
  });

  test("are cut, with a mark of what is left out", () => {
    expect(reprArgs(["a".repeat(5000), 2])).toBe(`('${"a".repeat(1023)}...', ...)`);
    expect(reprValue("a".repeat(5000), 10)).toBe(`'${"a".repeat(10)}...'`);
    expect(reprArgs(Array.from({ length: 5000 }, () => 7)).length).toBeLessThan(1040);
  });

  test("of anything are short, and never throw", () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true }),
        (value) => {
          expect(reprValue(value).length).toBeLessThan(6 * 1024);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("of circles, deep and hostile values end", () => {
    const circle: unknown[] = [];
    circle.push(circle, circle, circle);
    let nest: unknown = 1;
    for (let depth = 0; depth < 100_000; depth += 1) nest = [nest];
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("no");
        },
      },
    );
    expect(reprValue(circle).length).toBeLessThan(2000);
    expect(reprValue(nest)).toBe(`${"[".repeat(12)}...${"]".repeat(12)}`);
    expect(reprValue([hostile, 10n ** 100_000n])).toMatch(/^\[.*<object>, <a large integer>\]$/);
  });

  test("cost no more than they show", () => {
    const huge = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
    const started = performance.now();
    for (let round = 0; round < 100; round += 1) reprArgs([huge, "x".repeat(1_000_000)]);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
