import { describe, expect, it } from "vitest";
import { lineAt } from "../../src/web/components/chart-options.js";
import { followAddress } from "../../src/web/components/search-follow.js";
import { shellWord } from "../../src/web/components/shell-word.js";
import { selectedRows } from "../../src/web/components/use-selected-rows.js";

describe("words of a shell command", () => {
  it("stay as they are while they are plain names", () => {
    expect(["default", "q.1", "celery@host-1", "a_b"].map(shellWord)).toEqual([
      "default",
      "q.1",
      "celery@host-1",
      "a_b",
    ]);
  });
  it("are quoted, so that nothing in a name becomes a command", () => {
    expect(shellWord("a; echo pwned #")).toBe("'a; echo pwned #'");
    expect(shellWord("it's $(id)")).toBe("'it'\\''s $(id)'");
    expect(shellWord("")).toBe("''");
    expect(shellWord("é")).toBe("'é'");
  });
  it("spell out what a terminal would act on, or a person would not see", () => {
    expect(shellWord("a\nid\u0003'\\\u202e")).toBe("$'a\\u000aid\\u0003\\'\\\\\\u202e'");
  });
});

describe("a search box that follows the address", () => {
  it("leaves alone what is being typed when its own text comes back", () => {
    expect(followAddress("nap ", "nap", ["nap"])).toEqual({ text: "nap ", sent: [] });
    expect(followAddress("nap d", "nap", ["nap"])).toEqual({ text: "nap d", sent: [] });
    expect(followAddress("napd", "nap", ["nap", "napd"])).toEqual({ text: "napd", sent: ["napd"] });
  });
  it("takes over what was changed elsewhere", () => {
    expect(followAddress("nap ", "", [])).toEqual({ text: "", sent: [] });
    expect(followAddress("nap", "other", ["nap"])).toEqual({ text: "other", sent: [] });
  });
  it("keeps a blank at the end of a text that says the same", () => {
    expect(followAddress("state:SUCCESS ", "state:SUCCESS", [])).toEqual({ text: "state:SUCCESS ", sent: [] });
  });
});

describe("a point of a chart", () => {
  it("belongs to the line nearest to it, within reach", () => {
    expect(lineAt([1, 5, null, 9], { at: 5.5, reach: 1, stacked: false })).toBe(1);
    expect(lineAt([1, 5, null, 9], { at: 8.6, reach: 1, stacked: false })).toBe(3);
    expect(lineAt([1, 5, null, 9], { at: 7, reach: 1, stacked: false })).toBeUndefined();
    expect(lineAt([null, null], { at: 0, reach: 1, stacked: false })).toBeUndefined();
  });
  it("belongs to the part of a stack that it lies in, and to none above it", () => {
    // Two of the first, none of the second, three of the third.
    const sums = [2, 2, 5];
    expect(lineAt(sums, { at: 1.9, reach: 0.1, stacked: true })).toBe(0);
    expect(lineAt(sums, { at: 2.1, reach: 0.1, stacked: true })).toBe(2);
    expect(lineAt(sums, { at: 5.05, reach: 0.1, stacked: true })).toBe(2);
    expect(lineAt(sums, { at: 6, reach: 0.1, stacked: true })).toBeUndefined();
  });
});

describe("selected rows", () => {
  const keyOf = (row: { readonly id: string }) => row.id;
  it("are kept when another page is shown, as they were last", () => {
    const first = selectedRows(new Map(), [{ id: "a" }, { id: "b" }], new Set(["a"]), keyOf);
    expect([...first.keys()]).toEqual(["a"]);
    const second = selectedRows(first, [{ id: "c" }], new Set(["a", "c"]), keyOf);
    expect([...second.keys()]).toEqual(["a", "c"]);
    expect([...selectedRows(second, [{ id: "c" }], new Set(["c"]), keyOf).keys()]).toEqual(["c"]);
  });
  it("are the same map while nothing changes", () => {
    const rows = [{ id: "a" }];
    const first = selectedRows(new Map(), rows, new Set(["a"]), keyOf);
    expect(selectedRows(first, rows, new Set(["a"]), keyOf)).toBe(first);
    expect(selectedRows(first, [{ id: "a" }], new Set(["a"]), keyOf)).not.toBe(first);
  });
});
