import { connect } from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "../../src/connections/amqp-envelope.js";
import { givenAmqp } from "../support/amqp-broker.js";
import { Inbox } from "../support/inbox.js";
import { describeWithServer } from "../support/servers.js";
import { textMessage } from "../support/text-message.js";

describeWithServer("amqp", "What others put into a queue of RabbitMQ", () => {
  test("becomes a message, whatever it is", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.declare({ name: "q" });
    const raw = await connect(vhost.url);
    onTestFinished(() => raw.close().catch(() => undefined));
    const channel = await raw.createConfirmChannel();
    const published = { "!": "timestamp", value: 1_795_241_421 };
    const headers = {
      when: published,
      never: { "!": "timestamp", value: 2 ** 52 },
      price: { "!": "decimal", value: { places: 2, digits: 1250 } },
      bytes: Buffer.from("text"),
      binary: Buffer.from([0xff, 0xfe]),
      nested: { list: [1, null, { deep: published }] },
      large: { "!": "int64", value: 2 ** 60 },
      "x-lovage-envelope": "no JSON {",
      "x-death": [{ queue: "theirs", reason: "rejected" }],
    };
    Object.defineProperty(headers, "__proto__", { value: { task: "polluted" }, enumerable: true });
    channel.sendToQueue("q", Buffer.from("1"), { headers });
    channel.sendToQueue("q", Buffer.alloc(0), {
      headers: { "x-lovage-envelope": '{"headers":7,"implied":[null],"properties":[]}' },
    });
    channel.sendToQueue("q", Buffer.from("3"), {
      type: "t",
      appId: "a",
      messageId: "m",
      timestamp: 5,
      userId: "guest",
    });
    await channel.waitForConfirms();

    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 0 }, inbox.accept);
    const [odd, empty, bare] = await inbox.take(3);

    expect(odd?.message.headers).toMatchObject({
      when: "2026-11-21T06:10:21.000Z",
      price: 12.5,
      bytes: "text",
      binary: "//4=",
      nested: { list: [1, null, { deep: "2026-11-21T06:10:21.000Z" }] },
      large: 2 ** 60,
      "x-lovage-envelope": "no JSON {",
      "x-death": [{ queue: "theirs", reason: "rejected" }],
    });
    expect(odd?.message.headers.task).toBeUndefined();
    expect(() => JSON.stringify(odd?.message.headers)).not.toThrow();
    expect(odd?.message).toMatchObject({ contentType: null, contentEncoding: null });
    expect(empty?.message).toMatchObject({ headers: {} });
    expect(empty?.message.body).toHaveLength(0);
    expect(bare?.message.properties).toMatchObject({ type: "t", app_id: "a", message_id: "m", timestamp: 5 });
    for (const delivery of [odd, empty, bare]) await delivery?.ack();
  });
});

test("An AMQP envelope carries what Celery's messages have as plain properties and headers", () => {
  const message = textMessage("x", {
    headers: { lang: "ts", retries: 0, eta: null, timelimit: [null, 1.5], stamps: {} },
    properties: { correlation_id: "c", reply_to: "r", delivery_mode: 2, priority: 3 },
  });
  expect(encodeEnvelope(message)).toEqual({
    contentType: "text/plain",
    contentEncoding: "utf-8",
    headers: message.headers,
    correlationId: "c",
    replyTo: "r",
    deliveryMode: 2,
    priority: 3,
  });
});

test("An AMQP envelope keeps what AMQP would refuse, lose or act on", () => {
  const message = textMessage("x", {
    headers: {
      CC: "another-queue",
      typed: { "!": "timestamp", value: "no number" },
      ["k".repeat(300)]: 1,
      fraction: 0.1,
      large: 2 ** 60,
      list: [[], {}],
    },
    properties: {
      user_id: "somebody",
      expiration: "soon",
      priority: 300,
      reply_to: "r".repeat(300),
      delivery_mode: 7,
    },
    contentType: "c".repeat(300),
  });
  const { headers, ...rest } = encodeEnvelope(message, { priority: 4 });
  expect(rest).toEqual({ contentEncoding: "utf-8", deliveryMode: 2, priority: 4 });
  const fields = { deliveryTag: 1, redelivered: false, exchange: "", routingKey: "q" };
  const back = decodeEnvelope({ content: Buffer.from(message.body), fields, properties: { ...rest, headers } });
  expect(back).toEqual({ ...message, body: Buffer.from(message.body) });
});
