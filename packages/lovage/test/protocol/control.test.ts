import { describe, expect, test } from "vitest";
import { ConfigurationError, DecodeError } from "../../src/errors.js";
import { encodeBody } from "../../src/protocol/content.js";
import {
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
  isAddressedTo,
  parseRate,
  queueInfo,
  taskInfo,
} from "../../src/protocol/control.js";
import { matchesGlob, matchesPattern } from "../../src/protocol/node-pattern.js";
import { decodeTaskMessage, encodeTaskMessage } from "../../src/protocol/task-message.js";
import { array, type Fields, haveVectors, messageOfRaw, object, vectorsOf } from "../support/vectors.js";

function requests(file: string): { name: string; request: Fields }[] {
  return vectorsOf(file).flatMap(({ name, captured }) =>
    captured.request === null || captured.request === undefined ? [] : [{ name, request: object(captured.request) }],
  );
}
function replies(file: string): { name: string; reply: Fields }[] {
  return vectorsOf(file).flatMap(({ name, captured }) =>
    array(captured.replies ?? []).map((reply) => ({ name, reply: object(reply) })),
  );
}

describe.skipIf(!haveVectors).each(["pidbox_56.json", "pidbox_52.json"])("%s", (file) => {
  test.each(requests(file))("request $name is read, and written again", ({ request }) => {
    const message = messageOfRaw(request.raw);
    const read = decodeControlRequest(message);
    const again = encodeControlRequest(read);
    expect(JSON.parse(Buffer.from(again.body).toString())).toEqual(request.body);
    expect(again.headers).toEqual(message.headers);
    expect(message.properties).toMatchObject(again.properties);
    expect(isAddressedTo(read, "w1@example.com")).toBe(true);
  });

  test.each(replies(file))("reply to $name is read, and written again", ({ reply }) => {
    const message = messageOfRaw(reply.raw);
    const { ticket, clock, replies: nodes } = decodeControlReply(message);
    expect(Object.fromEntries(nodes)).toEqual(reply.body);
    const [hostname, value] = nodes[0] ?? ["", null];
    const again = encodeControlReply({ hostname, value, ticket: ticket ?? undefined, clock });
    expect(JSON.parse(Buffer.from(again.body).toString())).toEqual(reply.body);
    expect(again.headers).toEqual(message.headers);
    expect(message.properties).toMatchObject(again.properties);
  });

  test("a task in hand is described with the same members in the same order", () => {
    const [, first] =
      decodeControlReply(messageOfRaw(replies(file).find(({ name }) => name === "active")?.reply.raw)).replies[0] ?? [];
    const captured = object(array(first)[0]);
    const task = decodeTaskMessage(encodeTaskMessage({ id: String(captured.id), task: "proj.sleepy", args: [90] }));
    const info = taskInfo(task, {
      safe: false,
      hostname: "w1@example.com",
      started: new Date(Number(captured.time_start) * 1000),
      acknowledged: true,
      exchange: "",
      routingKey: "celery",
      redelivered: false,
      workerPid: Number(captured.worker_pid),
    });
    expect(Object.keys(info)).toEqual(Object.keys(captured));
    const delivery_info = { ...object(captured.delivery_info), redelivered: false };
    expect({ ...info, time_start: 0 }).toEqual({ ...captured, delivery_info, time_start: 0 });
  });

  test("a queue is described as Celery does", () => {
    const [, queues] =
      decodeControlReply(messageOfRaw(replies(file).find(({ name }) => name === "active_queues")?.reply.raw))
        .replies[0] ?? [];
    expect(queueInfo({ name: "celery" })).toEqual(array(queues)[0]);
  });
});

describe("a control request", () => {
  test("without an address wants no reply", () => {
    const read = decodeControlRequest(encodeControlRequest({ method: "shutdown" }));
    expect(read).toMatchObject({ method: "shutdown", arguments: {}, ticket: undefined, replyTo: undefined, clock: 0 });
  });

  test.each([
    [7],
    [[]],
    [{}],
    [{ method: "" }],
    [{ method: "x", arguments: [] }],
    [{ method: "x", destination: 7 }],
    [{ method: "x", reply_to: {} }],
  ])("that is none (%j) is a DecodeError", (value) => {
    expect(() => decodeControlRequest({ headers: {}, properties: {}, ...encodeBody(value) })).toThrow(DecodeError);
  });

  test("is for those it names, or whose name matches", () => {
    const all = { destination: null, pattern: null, matcher: null };
    expect(isAddressedTo(all, "w@h")).toBe(true);
    expect(isAddressedTo({ ...all, destination: ["w@h"] }, "w@h")).toBe(true);
    expect(isAddressedTo({ ...all, destination: ["x@h"] }, "w@h")).toBe(false);
    expect(isAddressedTo({ ...all, pattern: "x*", matcher: "glob" }, "w@h")).toBe(false);
    expect(() => isAddressedTo({ ...all, pattern: "x", matcher: "soundex" }, "w@h")).toThrow(DecodeError);
  });
});

describe("patterns over node names", () => {
  test.each([
    ["*", "w1@h", true],
    ["w*@example.com", "w1@example.com", true],
    ["w?@*", "w12@h", false],
    ["w[0-9]@h", "w7@h", true],
    ["w[!0-9]@h", "w7@h", false],
    ["w[]]@h", "w]@h", true],
    ["w[1@h", "w[1@h", true],
    ["*a*b*", "xxaxxbxx", true],
    ["w.@h", "w1@h", false],
  ])("glob %s on %s: %s", (glob, node, expected) => {
    expect(matchesGlob(glob, node)).toBe(expected);
  });

  test.each([
    [String.raw`w\d@.*`, "w1@example.com", true],
    ["w", "w1@h", true],
    ["1", "w1@h", false],
    ["(?:a|b)+c{2,3}$", "abacc", true],
    ["(?:a|b)+c{2,3}$", "abacccc", false],
    ["[^@]+@(eu|us)-[a-z]{2}$", "w@us-xy", true],
    [String.raw`[\w.]+@h\Z`, "a.b@h", true],
    ["a{0}b?", "c", true],
    ["x{,2}y", "xxy", true],
    ["(a*)*$", "aaaa", true],
    ["^w$|^v$", "v", true],
  ])("regular expression %s on %s: %s", (pattern, node, expected) => {
    expect(matchesPattern(pattern, node)).toBe(expected);
    // The engine's own, for those that are harmless there.
    if (!/\\Z|\{,/.test(pattern)) expect(new RegExp(`^(?:${pattern})`).test(node)).toBe(expected);
  });

  test.each([
    String.raw`(a)\1`,
    "(?=a)",
    "(?<n>a)",
    "(a",
    "a)",
    "[a",
    "*a",
    "a**",
    String.raw`\bx`,
    "a{300}",
    "((a{200}){200}){200}",
    "x".repeat(300),
    "\\",
  ])("%s is refused", (pattern) => {
    expect(() => matchesPattern(pattern, "a")).toThrow(DecodeError);
  });

  test("no pattern takes long", () => {
    const name = "a".repeat(255);
    const started = performance.now();
    for (const pattern of ["(a+)+$", "(a|a)*b", "(a|aa)+$b", `${"a*".repeat(100)}b`, "(?:(?:a*)*)*b", ".*.*.*.*.*=.*b"])
      matchesPattern(pattern, name);
    matchesGlob(`${"*a".repeat(120)}b`, name);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("rates", () => {
  test.each([
    ["10", 10],
    ["10/s", 10],
    ["30/m", 0.5],
    ["1800/h", 0.5],
    ["0.5/s", 0.5],
    [2, 2],
    [" 6 / m ", 0.1],
    [0, undefined],
    [null, undefined],
    ["", undefined],
    ["0/m", undefined],
  ])("%s is %s a second", (rate, expected) => {
    expect(parseRate(rate)).toBe(expected);
  });
  test.each(["abc", "10/d", "-1", "1e3", Number.NaN, Number.POSITIVE_INFINITY, {}, [], true])(
    "%s is refused",
    (rate) => {
      expect(() => parseRate(rate)).toThrow(ConfigurationError);
    },
  );
});
