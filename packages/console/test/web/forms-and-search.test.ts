import { describe, expect, it } from "vitest";
import { readEventStream } from "../../src/web/api/event-stream.js";
import {
  errorsUnder,
  fieldKind,
  membersOf,
  pathOf,
  readSchema,
  schemaDefaults,
} from "../../src/web/components/schema-reading.js";
import { complete } from "../../src/web/components/search-completion.js";
import { parseSearch, stringifySearch } from "../../src/web/state/search-text.js";

const KEYS = [
  { key: "state", values: ["SUCCESS", "FAILURE"] },
  { key: "name", values: ["shop.charge", 'say "hi" there', "two words"] },
  { key: "schedule" },
];

describe("completion in the search box", () => {
  it("offers keys for the word at the caret", () => {
    const { options, replace } = complete("-s name:x", 2, KEYS);
    expect(options.map((option) => option.value)).toEqual(["state:", "schedule:"]);
    expect(replace("state:")).toEqual({ text: "-state:name:x", caret: 7 });
  });
  it("offers values of the key, in quotes where they need them", () => {
    expect(complete("name:hi", 7, KEYS).options.map((option) => option.value)).toEqual(['name:"say \\"hi\\" there"']);
    expect(complete("(state:fail", 11, KEYS).replace("state:FAILURE")).toEqual({ text: "(state:FAILURE ", caret: 15 });
  });
  it("does not take a blank in quotes for the end of a word", () => {
    expect(complete('name:"two w', 11, KEYS).options).toHaveLength(1);
  });
});

describe("forms from schemas", () => {
  const schema = {
    type: "object",
    properties: {
      blog: { type: "string", format: "uri" },
      pages: { type: "integer", default: 10 },
      since: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
      order: { enum: ["newest", "oldest"] },
      kind: { oneOf: [{ const: "a" }, { const: "b" }] },
      skip: { type: "array", items: { type: "string" } },
      odd: { oneOf: [{ type: "string" }, { type: "object" }] },
    },
    required: ["blog"],
  };
  it("choose a field for each member, and a JSON editor for what has none", () => {
    const kinds = membersOf(readSchema(schema)).map((member) => [
      member.name,
      fieldKind(member.schema),
      member.required,
    ]);
    expect(kinds).toEqual([
      ["blog", "text", true],
      ["pages", "number", false],
      ["since", "instant", false],
      ["order", "choice", false],
      ["kind", "choice", false],
      ["skip", "list", false],
      ["odd", "json", false],
    ]);
  });
  it("begin with defaults, and with the values given over them", () => {
    expect(schemaDefaults(schema, { blog: "x" })).toEqual({ pages: 10, blog: "x" });
  });
  it("survive schemas that are none", () => {
    for (const odd of [null, 7, [], "x", { properties: 3, required: {} }])
      expect(membersOf(readSchema(odd))).toEqual([]);
  });
  it("find the server's errors at their fields", () => {
    const errors = [
      { path: "args[0].pages", message: "too many" },
      { path: "args[0].skip[1]", message: "empty" },
      { path: "args[0]", message: "incomplete" },
      { path: "args[01].x", message: "another" },
    ];
    expect(errorsUnder(errors, "args[0]")).toEqual([
      { path: "pages", message: "too many" },
      { path: "skip[1]", message: "empty" },
      { path: "", message: "incomplete" },
    ]);
    expect(pathOf("a", "odd name")).toBe('a["odd name"]');
  });
});

describe("addresses", () => {
  it("keep filters as flat texts, whatever is in them", () => {
    const search = { q: "name:add AND 50%", state: "FAILURE", id: "0123", empty: undefined };
    expect(parseSearch(stringifySearch(search))).toEqual({ q: "name:add AND 50%", state: "FAILURE", id: "0123" });
  });
});

describe("the event stream", () => {
  it("tells its place before the first event, so that it can be taken up again there", async () => {
    const events = [];
    const { body } = new Response("retry: 2000\n\nid: 7\n\n: here\n\n");
    if (body) for await (const event of readEventStream(body, () => undefined)) events.push(event);
    expect(events).toEqual([{ event: "message", data: "", id: "7" }]);
  });

  it("is read across chunks, with comments heard but not told", async () => {
    const bytes = new TextEncoder().encode(': hello\n\nid: 7\nevent: stats\ndata: {"a":\ndata: "é"}\n\n');
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEventStream(body, () => chunks++)) events.push(event);
    expect(events).toEqual([{ event: "stats", id: "7", data: '{"a":\n"é"}' }]);
    expect(chunks).toBe(bytes.length);
  });
});
