import { encodeJson } from "lovage/internal";
import { describe, expect, test } from "vitest";
import {
  fromApiJson,
  readExactArgs,
  readExactJson,
  readExactObject,
  toApiJson,
} from "../../src/server/actions/exact-json.js";

describe("exact JSON", () => {
  test.each([
    '[12345678901234567890,"x"]',
    '[{"__type__":"datetime","__value__":"2026-01-31T10:00:00.123456+02:00"}]',
    '[{"__type__":"decimal","__value__":"1.10"}]',
    '[{"__proto__":{"a":1}}]',
    "[0.1,1e+21,null,true]",
  ])("%s is sent again as it was", (text) => {
    expect(encodeJson(readExactJson(text))).toBe(text);
    expect(encodeJson(fromApiJson(JSON.parse(JSON.stringify(toApiJson(readExactJson(text))))))).toBe(text);
  });

  test("integers beyond 2^53 keep all digits on their way through the API", () => {
    expect(toApiJson([12345678901234567890n])).toEqual([{ $bigint: "12345678901234567890" }]);
    expect(fromApiJson({ n: { $bigint: "-12345678901234567890" } })).toEqual({ n: -12345678901234567890n });
  });

  test("an object that only looks like a big integer stays what it is", () => {
    expect(fromApiJson({ $bigint: "12x" })).toEqual({ $bigint: "12x" });
    expect(fromApiJson({ $bigint: "12", more: 1 })).toEqual({ $bigint: "12", more: 1 });
    expect(fromApiJson({ $bigint: "9".repeat(5000) })).toEqual({ $bigint: "9".repeat(5000) });
  });

  test("NaN and infinities, which Python writes, are shown as texts", () => {
    expect(toApiJson(readExactJson("[NaN,-Infinity]"))).toEqual(["NaN", "-Infinity"]);
  });

  test("what is no array, no object or no JSON is not known", () => {
    expect(readExactArgs("{}")).toBeUndefined();
    expect(readExactArgs("(1, 2)")).toBeUndefined();
    expect(readExactArgs(null)).toBeUndefined();
    expect(readExactObject("[]")).toBeUndefined();
    expect(readExactObject("{'a': 1}")).toBeUndefined();
  });
});
