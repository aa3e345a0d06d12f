import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError } from "../../src/errors.js";
import { encodeBody } from "../../src/protocol/content.js";
import type { Message } from "../../src/protocol/message.js";
import {
  decodeTaskMessage,
  encodeTaskMessage,
  peekTaskHeaders,
  retryMessage,
} from "../../src/protocol/task-message.js";

const FIELDS = { id: "id-1", task: "proj.add", args: [2, 3] } as const;
const LATER = new Date("2026-01-01T00:01:00.000Z");
const NOW = new Date("2026-01-01T00:00:00.000Z");

function changed(headers: Readonly<Record<string, unknown>>, body?: unknown): Message {
  const message = encodeTaskMessage(FIELDS);
  return { ...message, headers: { ...message.headers, ...headers }, ...(body === undefined ? {} : encodeBody(body)) };
}

describe("a task message", () => {
  test("has every header, and the body that Celery expects", () => {
    const message = encodeTaskMessage({ ...FIELDS, expires: LATER, origin: "gen1@h" }, { now: NOW });
    expect(Buffer.from(message.body).toString()).toBe(
      '[[2,3],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
    );
    expect(message.headers).toEqual({
      lang: "js",
      task: "proj.add",
      id: "id-1",
      shadow: null,
      eta: null,
      expires: "2026-01-01T00:01:00.000000+00:00",
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: "id-1",
      parent_id: null,
      argsrepr: "(2, 3)",
      kwargsrepr: "{}",
      origin: "gen1@h",
      ignore_result: false,
      replaced_task_nesting: 0,
      stamped_headers: null,
      stamps: {},
    });
    expect(message.properties).toEqual({
      correlation_id: "id-1",
      reply_to: "",
      delivery_mode: 2,
      priority: 0,
      expiration: "60000",
    });
    const late = encodeTaskMessage({ ...FIELDS, expires: NOW }, { now: LATER });
    expect(late.properties.expiration).toBe("0");
  });

  test("carries custom headers, but none that would change what runs", () => {
    const headers = { traceparent: "00-x", id: "other", task: "rm", when: NOW, compression: "application/x-gzip" };
    const message = encodeTaskMessage({ ...FIELDS, headers });
    expect(message.headers).toMatchObject({ id: "id-1", task: "proj.add", when: "2026-01-01T00:00:00.000000Z" });
    expect(message.headers).not.toHaveProperty("compression");
    expect(decodeTaskMessage(message).headers).toEqual({ traceparent: "00-x", when: "2026-01-01T00:00:00.000000Z" });
  });

  test("can be compressed", () => {
    const message = encodeTaskMessage({ ...FIELDS, args: ["x".repeat(1000)] }, { compression: "zlib" });
    expect(message.headers.compression).toBe("application/x-gzip");
    expect(message.body.length).toBeLessThan(200);
    expect(decodeTaskMessage(message).args).toEqual(["x".repeat(1000)]);
  });

  test("is refused with the place of what cannot be sent", () => {
    expect(() => encodeTaskMessage({ ...FIELDS, args: [{ x: Number.NaN }] })).toThrow("args[0].x is NaN");
    expect(() => encodeTaskMessage({ ...FIELDS, kwargs: { width: Infinity } })).toThrow("kwargs.width is Infinity");
    expect(() => encodeTaskMessage({ ...FIELDS, headers: { f: () => 1 } })).toThrow("headers.f is a function");
    expect(() => encodeTaskMessage({ ...FIELDS, id: "" })).toThrow(EncodeError);
  });

  test.each([
    ["header retries", changed({ retries: -1 })],
    ["header retries", changed({ retries: "1" })],
    ["header timelimit", changed({ timelimit: 7 })],
    ["header timelimit[0]", changed({ timelimit: ["1", null] })],
    ["header id", changed({ id: 7 })],
    ["header task", changed({ task: 7 })],
    ["header group_index", changed({ group_index: 1.5 })],
    ["header root_id", changed({ root_id: {} })],
    ["embed", changed({}, [[], {}, "x"])],
    ["callbacks[0].task", changed({}, [[], {}, { callbacks: [{}] }])],
    ["chain", changed({}, [[], {}, { chain: 7 }])],
    ["chord", changed({}, [[], {}, { chord: [] }])],
    ["the body", changed({}, 7)],
    ["the body has 4", changed({}, [[], {}, {}, {}])],
  ])("with a bad %s is a DecodeError that says so", (place, message) => {
    expect(() => decodeTaskMessage(message)).toThrow(DecodeError);
    expect(() => decodeTaskMessage(message)).toThrow(place);
    expect(peekTaskHeaders(message).id).toBe("id-1");
  });

  test("of protocol 1 and of the hybrid kind are understood", () => {
    const body = {
      task: "t",
      id: "old",
      args: [1],
      kwargs: { a: 1 },
      taskset: "g",
      retries: 2,
      eta: "2026-01-01T00:01:00",
      callbacks: [{ task: "c" }],
    };
    const old = decodeTaskMessage({ headers: {}, properties: {}, ...encodeBody(body) });
    expect(old).toMatchObject({
      form: "protocol-1",
      id: "old",
      args: [1],
      kwargs: { a: 1 },
      group: "g",
      retries: 2,
      eta: LATER,
      bodyText: undefined,
    });
    expect(old.embed.callbacks?.[0]?.task).toBe("c");
    const hybrid = decodeTaskMessage({ headers: { task: "t2", id: null, x: 1 }, properties: {}, ...encodeBody(body) });
    expect(hybrid).toMatchObject({ form: "hybrid", id: "old", task: "t2", args: [1], group: "g", headers: { x: 1 } });
  });
});

describe("the next try of a task", () => {
  const original = changed({
    "x-death": [1],
    "x-first-death-queue": "q",
    redelivered: true,
    traceparent: "t",
    future: 1,
    expires: "2026-01-01T00:01:00+00:00",
  });

  test("is the same message with one more retry, without what brokers added", () => {
    const properties = {
      ...original.properties,
      delivery_info: {},
      delivery_tag: "x",
      body_encoding: "base64",
      custom: 1,
    };
    const next = retryMessage({ ...original, properties }, decodeTaskMessage(original), { eta: LATER, now: NOW });
    expect(next.body).toBe(original.body);
    expect(next.headers).toEqual({
      ...encodeTaskMessage(FIELDS).headers,
      traceparent: "t",
      future: 1,
      expires: "2026-01-01T00:01:00+00:00",
      retries: 1,
      eta: "2026-01-01T00:01:00.000000+00:00",
      parent_id: "id-1",
    });
    expect(next.properties).toEqual({
      correlation_id: "id-1",
      reply_to: "",
      delivery_mode: 2,
      priority: 0,
      custom: 1,
      expiration: "60000",
    });
    expect(decodeTaskMessage(next)).toMatchObject({ id: "id-1", retries: 1, args: [2, 3] });
  });

  test("can have other arguments, and keeps what follows on it", () => {
    const first = encodeTaskMessage(
      {
        ...FIELDS,
        embed: { callbacks: [{ task: "c", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }] },
      },
      { compression: "zlib" },
    );
    const next = decodeTaskMessage(retryMessage(first, decodeTaskMessage(first), { args: [9], retries: 5 }));
    expect(next).toMatchObject({ args: [9], kwargs: {}, argsrepr: "(9,)", retries: 5, eta: undefined });
    expect(next.embed.callbacks?.[0]?.task).toBe("c");
  });

  test("of an old message is a new one", () => {
    const old: Message = {
      headers: { x: 1 },
      properties: { reply_to: "r", priority: 4 },
      ...encodeBody({ task: "t", id: "old", args: [1], kwargs: {} }),
    };
    const next = retryMessage(old, decodeTaskMessage(old));
    expect(decodeTaskMessage(next)).toMatchObject({
      form: "protocol-2",
      id: "old",
      retries: 1,
      parentId: "old",
      replyTo: "r",
      priority: 4,
      headers: { x: 1 },
    });
  });
});
