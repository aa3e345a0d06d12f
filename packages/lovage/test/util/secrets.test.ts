import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskSecrets, maskUrls } from "../../src/util/secrets.js";

describe("maskUrls", () => {
  test.each([
    ["redis://:secret@host/0", "redis://:********@host/0"],
    ["amqp://me:s@cr:et@host//", "amqp://me:********@host//"],
    ["lost postgres://me:secret@host/db, retrying", "lost postgres://me:********@host/db, retrying"],
    ["https://host/x?token=secret&y=1", "https://host/x?token=********&y=1"],
    ["redis://host:6379/0", "redis://host:6379/0"],
    ["sqlite:shop.db", "sqlite:shop.db"],
    ["see https://host/a@b", "see https://host/a@b"],
  ])("%s", (given, expected) => {
    expect(maskUrls(given)).toBe(expected);
  });

  test("takes any text, quickly", () => {
    fc.assert(fc.property(fc.string({ maxLength: 5000 }), (text) => typeof maskUrls(text) === "string"));
    const before = performance.now();
    maskUrls("a".repeat(100_000) + "://".repeat(1000) + ":".repeat(10_000));
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test("masks what the plain pattern of it masks", () => {
    const pattern = /\b([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@?#]{0,256}:)[^\s?#"']{1,1024}@/gi;
    const part = fc.constantFrom(
      "-ab://",
      "-ab://",
      ":",
      ":",
      "@",
      "@",
      "-",
      "/",
      "-".repeat(300),
      "-".repeat(1000),
      " ",
      "?",
      "'",
    );
    const text = fc.array(part, { maxLength: 40 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (given) => {
        expect(maskUrls(given)).toBe(given.replace(pattern, "$1********@"));
      }),
      { numRuns: 2000 },
    );
  });

  test("looks at each character once, however many URLs there are", () => {
    const spent = (count: number): number => {
      const given = `${"a.b://".repeat(count)}${"x".repeat(2000)}@`;
      const before = process.cpuUsage();
      maskUrls(given);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    spent(10_000);
    // 4 MB: a window of a password's length at each took seconds.
    expect(spent(700_000)).toBeLessThan(1_000_000);
  });
});

describe("maskSecrets", () => {
  test("masks by name at every depth, and leaves the rest as it is", () => {
    const given = { user: "me", passwords: ["a"], list: [{ secretKey: 1, n: null, token: null }], when: new Date(0) };
    expect(maskSecrets(given)).toEqual({
      user: "me",
      passwords: "********",
      list: [{ secretKey: "********", n: null, token: null }],
      when: new Date(0),
    });
  });

  test("ends on circular data", () => {
    const value: { self?: unknown } = {};
    value.self = value;
    expect(JSON.stringify(maskSecrets(value))).toContain("…");
  });
});
