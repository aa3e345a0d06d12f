import { describe, expect, test } from "vitest";
import { decodeJson, encodeJson } from "../../src/protocol/content.js";
import { parseInstant } from "../../src/protocol/instant.js";
import type { Message } from "../../src/protocol/message.js";
import { reprArgs, reprKwargs } from "../../src/protocol/repr.js";
import {
  decodeTaskMessage,
  encodeTaskMessage,
  retryMessage,
  type TaskMessage,
} from "../../src/protocol/task-message.js";
import {
  array,
  type Fields,
  haveVectors,
  messageOfAmqp,
  messageOfEnvelope,
  messageOfRaw,
  object,
  type Vector,
  vectorsOf,
} from "../support/vectors.js";

/** Content that is refused on purpose: no decoder for it exists here. */
const REFUSED = new Set(["serializer_pickle", "serializer_yaml", "compression_bzip2"]);
/** Microseconds and missing offsets do not survive a `Date`; Infinity and NaN are read but never sent. */
const NOT_SENT_ALIKE = new Set(["rich_types", "big_ints_floats"]);

interface Sent {
  readonly title: string;
  readonly name: string;
  readonly captured: Fields;
  readonly message: Message;
}

function sentMessages(file: string): Sent[] {
  return vectorsOf(file).flatMap((vector) =>
    capturedMessages(vector).map((captured, index) => ({
      title: `${vector.name} #${index}`,
      name: vector.name,
      captured,
      message: captured.raw_envelope === undefined ? messageOfAmqp(captured) : messageOfRaw(captured.raw_envelope),
    })),
  );
}
/** A few entries list no messages, or leave the body out. */
function capturedMessages({ captured }: Vector): Fields[] {
  return array(captured.messages ?? [])
    .map(object)
    .filter((each) => "body_decoded" in each);
}

describe
  .skipIf(!haveVectors)
  .each([
    "task_messages_redis_56.json",
    "task_messages_redis_52.json",
    "task_messages_amqp_56.json",
    "task_messages_amqp_52.json",
  ])("%s", (file) => {
  const all = sentMessages(file);
  const accepted = all.filter(({ name }) => !REFUSED.has(name));

  test.each(accepted)("$title is decoded as it was sent", ({ message, captured }) => {
    const task = decodeTaskMessage(message, { typedValues: false });
    const payload = captured.body_decoded;
    if (Array.isArray(payload)) {
      expect([task.args, task.kwargs]).toEqual(payload.slice(0, 2));
      expect(task.embed).toEqual(payload[2]);
      expectHeaders(task, object(captured.headers));
    } else {
      expect(task.form).toBe("protocol-1");
      expect(task.args).toEqual(object(payload).args);
      expectHeaders(task, object(payload));
    }
    expect(task.correlationId).toBe(task.id);
  });

  test.each(accepted.filter(({ name }) => !NOT_SENT_ALIKE.has(name) && name !== "protocol1"))(
    "$title is written again field by field",
    ({ message }) => {
      const task = decodeTaskMessage(message);
      const again = encodeTaskMessage(
        { ...task, ignoreResult: task.ignoreResult },
        { deliveryMode: message.properties.delivery_mode === 1 ? 1 : 2 },
      );
      expectSameMessage(again, message);
    },
  );

  test.each(all.filter(({ name }) => REFUSED.has(name)))(
    "$title is refused, and nothing of it is run",
    ({ message }) => {
      expect(() => decodeTaskMessage(message)).toThrow(/not accepted|not supported/);
    },
  );

  test("texts for people look like Python's own", () => {
    for (const { name, message, captured } of accepted) {
      // Tuples inside of arguments and microseconds are gone once they are JSON; `[1]` was a list in the caller's hands.
      if (/tuple|rich_types|chunks|map|starmap|send_task_by_name|bytes_binary|big_ints|protocol1/.test(name)) continue;
      const { args, kwargs } = decodeTaskMessage(message);
      const headers = object(captured.headers);
      expect(reprArgs(args), name).toBe(headers.argsrepr);
      expect(reprKwargs(kwargs), name).toBe(headers.kwargsrepr);
    }
  });
});

function expectHeaders(task: TaskMessage, headers: Fields): void {
  const instant = (value: unknown): Date | undefined => (typeof value === "string" ? parseInstant(value) : undefined);
  expect(task).toMatchObject({
    id: headers.id,
    task: headers.task,
    retries: headers.retries,
    group: headers.group,
    groupIndex: headers.group_index,
    timeLimit: { hard: array(headers.timelimit)[0], soft: array(headers.timelimit)[1] },
    shadow: headers.shadow ?? null,
    rootId: headers.root_id ?? null,
    parentId: headers.parent_id ?? null,
    origin: headers.origin ?? null,
    ignoreResult: headers.ignore_result ?? null,
    stampedHeaders: headers.stamped_headers ?? null,
    stamps: headers.stamps ?? {},
  });
  expect(task.eta).toEqual(instant(headers.eta));
  expect(task.expires).toEqual(instant(headers.expires));
}

/** All but what a delivery adds, the language, the clock, and how finely instants are written. */
function expectSameMessage(actual: Message, expected: Message): void {
  const coarse = (headers: Fields): Fields => {
    const { lang: _lang, eta, expires, compression: _compression, ...rest } = headers;
    const instant = (text: unknown): unknown => (typeof text === "string" ? parseInstant(text).getTime() : null);
    return { ...rest, eta: instant(eta), expires: instant(expires) };
  };
  const since53 = { replaced_task_nesting: 0, stamped_headers: null, stamps: {} };
  expect({ ...since53, ...coarse(actual.headers) }).toEqual({ ...since53, ...coarse(expected.headers) });
  expect(settled(actual.properties)).toEqual(settled(expected.properties));
  if (expected.headers.compression === undefined) expect(plain(actual)).toEqual(plain(expected));
  expect([actual.contentType, actual.contentEncoding]).toEqual([expected.contentType, expected.contentEncoding]);
}

/** Redis keeps what the Python client does not know as properties of its own. */
function settled({ correlation_id, reply_to, delivery_mode, priority, expiration }: Fields): Fields {
  return { correlation_id, reply_to, delivery_mode, priority: priority ?? 0, expires: expiration !== undefined };
}
function plain(message: Message): unknown {
  return decodeJson(Buffer.from(message.body).toString(), { typedValues: false });
}

describe.skipIf(!haveVectors)("headers", () => {
  test("come in the order of the reference", () => {
    const [first] = sentMessages("task_messages_redis_56.json");
    const written = encodeTaskMessage({ id: "i", task: "t", args: [] });
    expect(Object.keys(written.headers)).toEqual(Object.keys(object(first?.captured.headers)));
  });

  test("the eta of any time zone is the instant it names", () => {
    const named = vectorsOf("task_messages_redis_56.json").filter(({ name }) => name.startsWith("timezone_"));
    const etas = named.flatMap(({ captured }) =>
      array(captured.messages ?? [captured]).map((each) => object(each).eta),
    );
    const written = etas.filter((eta) => typeof eta === "string");
    expect(written.length).toBeGreaterThan(0);
    for (const eta of written) expect(parseInstant(eta).toISOString().slice(0, 13)).toMatch(/^2026-11-21T0|^20/);
  });
});

describe.skipIf(!haveVectors).each(["worker_published_56.json", "worker_published_52.json"])("%s", (file) => {
  const published = vectorsOf(file).map(({ name, captured }) => ({
    name,
    messages: array(captured.messages_in_order).map((each) => publishedMessage(object(each))),
  }));

  test.each(published)("$name: every message is decoded and written again", ({ messages }) => {
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) expectSameMessage(encodeTaskMessage(decodeTaskMessage(message)), message);
  });

  test.each(published.filter(({ name }) => /retry/.test(name)))(
    "$name: the next try is published as Celery does",
    ({ messages }) => {
      expect(messages.length).toBeGreaterThan(1);
      for (const [index, expected] of messages.entries()) {
        const original = messages[index - 1];
        if (!original) continue;
        const actual = retryMessage(original, decodeTaskMessage(original), {
          eta: parseInstant(String(expected.headers.eta)),
        });
        // 5.2 puts its own name here.
        const origin = expected.headers.origin;
        expectSameMessage({ ...actual, headers: { ...actual.headers, origin } }, expected);
        expect(actual.body).toBe(original.body);
      }
    },
  );
});

/** These captures hold the body decoded only. */
function publishedMessage(captured: Fields): Message {
  const text = encodeJson(captured.body_decoded);
  return messageOfEnvelope({ ...captured, body: Buffer.from(text).toString("base64") });
}
