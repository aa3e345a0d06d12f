import type { Message } from "lovage/internal";
import { describe, expect, test } from "vitest";
import { QueueMessage } from "../../src/api/queues.js";
import { messageView, SINGLE_BYTES } from "../../src/server/queues/message-view.js";

const EYES = { position: 1, seesPayloads: true } as const;

function view(message: Partial<Message>, options: Partial<Parameters<typeof messageView>[1]> = {}) {
  const whole: Message = {
    headers: {},
    properties: {},
    body: new Uint8Array(),
    contentType: "application/json",
    contentEncoding: "utf-8",
    ...message,
  };
  const peeked = {
    key: "k",
    message: whole,
    state: "ready" as const,
    eta: undefined,
    deliveries: 0,
    published: undefined,
  };
  // Whatever the message holds, the answer is one that the API may give, and JSON.
  return QueueMessage.parse(JSON.parse(JSON.stringify(messageView(peeked, { ...EYES, ...options }))));
}

function taskMessage(args: string, kwargs = "{}", headers: Readonly<Record<string, unknown>> = {}): Partial<Message> {
  return {
    headers: { id: "t1", task: "shop.add", ...headers },
    properties: { priority: 3 },
    body: Buffer.from(`[${args}, ${kwargs}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]`),
  };
}

describe("a message", () => {
  test("of a task is shown decoded, with all digits of its numbers", () => {
    const shown = view(
      taskMessage("[1, 12345678901234567890]", '{"a": "b"}', {
        origin: "gen1@a",
        expires: "2026-01-31T10:00:00+00:00",
      }),
    );
    expect(shown).toMatchObject({
      task: "shop.add",
      id: "t1",
      args: '[1,{"$bigint":"12345678901234567890"}]',
      kwargs: '{"a":"b"}',
      priority: 3,
      origin: "gen1@a",
      expires: "2026-01-31T10:00:00.000Z",
      bodyCut: false,
    });
    expect(shown.body).toEqual([[1, { $bigint: "12345678901234567890" }], { a: "b" }, expect.anything()]);
  });

  test("holds no secrets, in arguments, headers and texts of them", () => {
    const shown = view(
      taskMessage('["amqp://u:s3cret@h/"]', '{"password": "s3cret"}', {
        authorization: "s3cret",
        kwargsrepr: "{'token': 's3cret'}",
      }),
    );
    expect(JSON.stringify(shown)).not.toContain("s3cret");
  });

  test("is hidden as far as it holds arguments from those who may not see them", () => {
    const shown = view(
      taskMessage('["private"]', '{"a": "private"}', { argsrepr: "('private',)", kwargsrepr: "{'a': 'private'}" }),
      { seesPayloads: false },
    );
    expect(shown).toMatchObject({ task: "shop.add", args: null, kwargs: null, body: null, bodyText: "" });
    expect(JSON.stringify(shown)).not.toContain("private");
  });

  test("goes through the program's own redaction, which hides all when it throws", () => {
    const message = taskMessage('["private"]', '{"card": "private"}', { kwargsrepr: "{'card': 'private'}" });
    const redact = (task: { name: string; args: unknown; kwargs: unknown; result: unknown }) => ({
      ...task,
      args: ["***"],
      kwargs: {},
    });
    expect(JSON.stringify(view(message, { redact }))).not.toContain("private");
    expect(view(message, { redact }).args).toBe('["***"]');
    const thrown = view(message, {
      redact: () => {
        throw new Error("no");
      },
    });
    expect(JSON.stringify(thrown)).not.toContain("private");
  });

  test("that is no JSON is shown as bytes, and never decoded", () => {
    const pickle = Buffer.from("\u0080\u0004cos\nsystem\n", "latin1");
    const shown = view({
      headers: { task: "py.add", id: "t2" },
      body: pickle,
      contentType: "application/x-python-serialize",
      contentEncoding: "binary",
    });
    expect(shown).toMatchObject({ task: "py.add", id: "t2", body: null, bodyText: pickle.toString("base64") });
  });

  test("that claims to be JSON and is not, is shown as text", () => {
    expect(view({ headers: { task: "x" }, body: Buffer.from("{broken <b>") })).toMatchObject({
      task: "x",
      id: null,
      body: null,
      bodyText: "{broken <b>",
    });
  });

  test("of protocol 1 has its name in the body", () => {
    const body = Buffer.from('{"task": "old.add", "id": "t3", "args": [1], "kwargs": {}}');
    expect(view({ body })).toMatchObject({ task: "old.add", id: "t3", args: "[1]" });
  });

  test("that is long is cut, with its size", () => {
    const long = view(taskMessage(`["${"x".repeat(200_000)}"]`), { decodedBytes: SINGLE_BYTES });
    expect(long.bodyCut).toBe(true);
    expect(long.bodyText.length).toBeLessThanOrEqual(65_536);
    expect(long.args?.length).toBeLessThanOrEqual(200);
    expect(long.sizeBytes).toBeGreaterThan(200_000);
  });

  test("that is long is not decoded for a list: its beginning is shown as it stands, without secrets", () => {
    const long = view(taskMessage(`["${"x".repeat(70_000)}"]`, '{"password": "hunter2"}'));
    expect(long).toMatchObject({ task: "shop.add", args: null, kwargs: null, body: null, bodyCut: true });
    const secret = view(taskMessage(`["password=hunter2", "${"x".repeat(70_000)}"]`));
    expect(secret.bodyText).toMatch(/^\[\["password=\*/);
    expect(secret.bodyText).not.toContain("hunter2");
    const old = { task: "old.add", id: "t3", args: ["x".repeat(70_000)], kwargs: {} };
    expect(view({ body: Buffer.from(JSON.stringify(old)) })).toMatchObject({ task: null, args: null });
  });

  test.each<[string, Partial<Message>]>([
    ["nested deep", { body: Buffer.from(`${"[".repeat(5000)}${"]".repeat(5000)}`) }],
    [
      "with NUL, right-to-left text and a prototype",
      taskMessage('["\\u0000", "\u202egnp"]', '{"__proto__": {"x": 1}}'),
    ],
    [
      "with bytes, dates and functions in its headers",
      { headers: { a: Buffer.from("x"), b: new Date(Number.NaN), c: 10n, d: Number.NaN } },
    ],
    ["with names that are no texts", Object({ headers: { task: 7, id: {} }, properties: { priority: "high" } })],
  ])("%s is answered all the same", (_, message) => {
    expect(view(message).key).toBe("k");
  });
});
