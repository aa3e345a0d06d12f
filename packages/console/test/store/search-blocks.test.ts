import fc from "fast-check";
import { expect, test } from "vitest";
import { SearchBlocks } from "../../src/server/store/search-blocks.js";
import { emptyRecord } from "../../src/server/store/task-record.js";

const contains = (text: string) => ({ kind: "text", text }) as const;

test("no part of a text that was noted is ever missed, in either case", () => {
  const part = fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 60 }), fc.nat(), fc.nat());
  fc.assert(
    fc.property(part, ([args, from, length]) => {
      const blocks = new SearchBlocks();
      blocks.note(5, 1, { ...emptyRecord("id", 1), args });
      const needle = [...args].slice(from % args.length, (from % args.length) + (length % 20) + 1).join("");
      const asciiUpper = needle.replace(/[a-z]/g, (letter) => letter.toUpperCase());
      expect(blocks.candidates(contains(needle))).toHaveLength(1);
      expect(blocks.candidates(contains(asciiUpper))).toHaveLength(1);
    }),
    { numRuns: 1_000 },
  );
});

test("blocks without the text, the value or the time are left out", () => {
  const blocks = new SearchBlocks();
  for (let seq = 1; seq < 1_280; seq++)
    blocks.note(seq, seq, {
      ...emptyRecord(`id-${seq}`, seq),
      queue: seq === 700 ? "rare" : "usual",
      state: "SUCCESS",
    });
  const starts = (node: Parameters<SearchBlocks["candidates"]>[0]) =>
    blocks.candidates(node).map(({ fromSeq }) => fromSeq);
  expect(blocks.size).toBe(10);
  expect(starts(contains("ID-700"))).toEqual([640]);
  expect(starts({ kind: "equals", column: "queue", values: ["rare", "none"] })).toEqual([640]);
  expect(starts({ kind: "state", state: "FAILURE" })).toEqual([]);
  expect(starts({ kind: "received", fromMs: 130, toMs: 257 })).toEqual([128, 256]);
  expect(starts({ kind: "not", part: contains("nothing") })).toHaveLength(10);
  expect(starts({ kind: "and", parts: [contains("id-7"), contains("nothing")] })).toEqual([]);
  expect(starts({ kind: "or", parts: [contains("id-700"), contains("nothing")] })).toEqual([640]);
  blocks.forgetBefore(700);
  expect(blocks.size).toBe(5);
  expect(starts(contains("rare"))).toEqual([640]);
});

test("a text too long to note hides nothing", () => {
  const blocks = new SearchBlocks();
  blocks.note(1, 1, { ...emptyRecord("id", 1), args: `${"x".repeat(100_000)}needle` });
  expect(blocks.candidates(contains("needle"))).toHaveLength(1);
});
