import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSearch, SEARCH_FIELDS, SearchError, type SearchNode } from "../../src/server/store/search-language.js";

const text = (value: string): SearchNode => ({ kind: "text", text: value });

describe("the search language", () => {
  test.each<readonly [string, SearchNode]>([
    ["  ", { kind: "all" }],
    ["cat", text("cat")],
    ["a b", { kind: "and", parts: [text("a"), text("b")] }],
    ["a OR b c", { kind: "or", parts: [text("a"), { kind: "and", parts: [text("b"), text("c")] }] }],
    ["(a OR b) c", { kind: "and", parts: [{ kind: "or", parts: [text("a"), text("b")] }, text("c")] }],
    [
      "NOT a -b",
      {
        kind: "and",
        parts: [
          { kind: "not", part: text("a") },
          { kind: "not", part: text("b") },
        ],
      },
    ],
    ["or android ORDER", { kind: "and", parts: [text("or"), text("android"), text("ORDER")] }],
    ['"a OR \\"b\\\\"', text('a OR "b\\')],
    ["http://x a-b", { kind: "and", parts: [text("http://x"), text("a-b")] }],
    ['NAME:"a b"', { kind: "contains", field: "name", text: "a b" }],
    ["kwargs:a=b=c", { kind: "pair", key: "a", value: "b=c" }],
    ['kwargs:a="b c"', { kind: "pair", key: "a", value: "b c" }],
    ['kwargs:"a=b"', { kind: "contains", field: "kwargs", text: "a=b" }],
    ["retries:>=2", { kind: "compare", field: "retries", operator: ">=", value: 2 }],
    ["received:2026-01-31", { kind: "received", fromMs: Date.UTC(2026, 0, 31), toMs: Date.UTC(2026, 1, 1) }],
    ["received:<=2026-01-31T10:00", { kind: "received", fromMs: null, toMs: Date.UTC(2026, 0, 31, 10, 1) }],
    ["received:>2026-01-31T10:00:05+02:00", { kind: "received", fromMs: Date.UTC(2026, 0, 31, 8, 0, 6), toMs: null }],
  ])("%j is read as meant", (query, node) => {
    expect(parseSearch(query)).toEqual(node);
  });

  test.each<readonly [string, number]>([
    ["cat (", 5],
    ["(cat", 0],
    ["cat)", 3],
    ["a ()", 2],
    ['a "b', 2],
    ["a AND", 5],
    ["OR a", 0],
    ["a OR OR b", 5],
    ["a AND OR b", 6],
    ["NOT", 0],
    ["- a", 0],
    ["state:", 0],
    ["runtime:>fast", 9],
    ["runtime:0x10", 8],
    ["received:yesterday", 9],
    ["received:2026-02-31", 9],
    [`${"-".repeat(41)}a`, 40],
  ])("%j is refused at its position", (query, position) => {
    const refused = expect(() => parseSearch(query));
    refused.toThrow(SearchError);
    refused.toThrow(expect.objectContaining({ position, code: "bad_search" }));
  });

  test("has an end to what it takes", () => {
    expect(() => parseSearch("a ".repeat(51))).toThrow(/more than 50/);
    expect(() => parseSearch("(".repeat(2_000))).toThrow(SearchError);
  });

  test("each field's example is a query of that field", () => {
    for (const { name, example } of SEARCH_FIELDS) {
      expect(example.startsWith(`${name}:`)).toBe(true);
      expect(parseSearch(example).kind).not.toBe("text");
    }
  });

  test("whatever is typed is a query, or an error with a position in it", () => {
    const typed = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            "(",
            ")",
            "-",
            '"',
            " ",
            "AND",
            "OR",
            "NOT",
            "a",
            "\\",
            "state:",
            "kwargs:",
            "runtime:>",
            "=",
            "5",
          ),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(typed, (query) => {
        try {
          parseSearch(query);
        } catch (error) {
          expect(error).toBeInstanceOf(SearchError);
          const { position } = error instanceof SearchError ? error : { position: -1 };
          expect(position).toBeGreaterThanOrEqual(0);
          expect(position).toBeLessThanOrEqual(query.length);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("what is written out is read back", () => {
    const { tree } = fc.letrec<{ tree: SearchNode }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.string({ minLength: 1, maxLength: 8 }).map(text),
        fc.record({
          kind: fc.constant("contains" as const),
          field: fc.constantFrom("name" as const, "error" as const),
          text: fc.string({ maxLength: 8 }),
        }),
        fc.record({ kind: fc.constant("not" as const), part: tie("tree") }),
        fc.record({
          kind: fc.constantFrom("and" as const, "or" as const),
          parts: fc.array(tie("tree"), { minLength: 2, maxLength: 3 }),
        }),
      ),
    }));
    fc.assert(
      fc.property(tree, (node) => {
        expect(parseSearch(written(node))).toEqual(node);
      }),
      { numRuns: 500 },
    );
  });
});

function written(node: SearchNode): string {
  const quoted = (value: string): string => `"${value.replace(/[\\"]/g, "\\$&")}"`;
  switch (node.kind) {
    case "text":
      return quoted(node.text);
    case "contains":
      return `${node.field}:${quoted(node.text)}`;
    case "not":
      return `-(${written(node.part)})`;
    case "and":
    case "or":
      return node.parts.map((part) => `(${written(part)})`).join(node.kind === "or" ? " OR " : " ");
    default:
      throw new Error(`${node.kind} is not written here`);
  }
}
