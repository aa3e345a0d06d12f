import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { expect, test, vi } from "vitest";
import { RedisBroker } from "../../src/brokers/redis/broker.js";
import { kombuPattern } from "../../src/brokers/redis/keys.js";
import { Connections } from "../../src/connections/connections.js";
import { ConfigurationError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { CutProxy } from "../support/cut-proxy.js";
import { IdleProcess } from "../support/idle-process.js";
import { Inbox } from "../support/inbox.js";
import { givenRedis } from "../support/redis-keys.js";
import { describeWithServer } from "../support/servers.js";
import { decodeText, textMessage } from "../support/text-message.js";
import { array, haveVectors, object, vectorsOf } from "../support/vectors.js";

const SEP = "\u0006\u0016";
const TO_CELERY = { exchange: "", routingKey: "celery" };
const CELERY = { name: "celery", exchange: { name: "celery", type: "direct" } } as const;

/** An envelope as kombu writes it, with Python's spaces. */
function kombuEnvelope(
  text: string,
  { priority = 0, tag = `tag-of-${text}`, headers = '{"id": "1", "stamps": {}}' } = {},
): string {
  const body = Buffer.from(text).toString("base64");
  return `{"body": "${body}", "content-encoding": "utf-8", "content-type": "application/json", "headers": ${headers}, "properties": {"correlation_id": "1", "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "celery"}, "priority": ${priority}, "body_encoding": "base64", "delivery_tag": "${tag}"}}`;
}

describeWithServer("redis", "the Redis broker and others on its keys", (server) => {
  test.skipIf(!haveVectors)("writes what kombu writes", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    expect(await stranger.smembers(`${prefix}_kombu.binding.celery`)).toEqual([`celery${SEP}${SEP}celery`]);

    const kombu = capturedEnvelope();
    const { headers, properties } = kombu;
    const { delivery_info: _, body_encoding: __, delivery_tag: ___, ...callers } = properties;
    const body = Buffer.from(kombu.body, "base64");
    const message = { headers, properties: callers, body, contentType: "application/json", contentEncoding: "utf-8" };
    await broker.publish(message, TO_CELERY);

    const [raw = ""] = await stranger.lrange(`${prefix}celery`, 0, -1);
    const { lovage, ...written } = JSON.parse(raw);
    expect(lovage).toEqual([0, 0, expect.any(Number), 0]);
    expect(written).toEqual({
      ...kombu,
      properties: { ...properties, delivery_tag: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
  });

  test("keeps what it takes where kombu keeps it", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    await broker.publish(textMessage("x"), TO_CELERY);
    const [raw = ""] = await stranger.lrange(`${prefix}celery`, 0, -1);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 1 }, inbox.accept);
    const delivery = await inbox.next();

    const unacked = Object.entries(await stranger.hgetall(`${prefix}unacked`));
    expect(unacked.map(([, saved]) => JSON.parse(saved))).toEqual([[JSON.parse(raw), "", "celery"]]);
    const [tag, score] = await stranger.zrange(`${prefix}unacked_index`, 0, "-1", "WITHSCORES");
    expect(tag).toBe(unacked[0]?.[0]);
    expect(Math.abs(Number(score) - Date.now() / 1000)).toBeLessThan(5);

    await delivery.ack();
    expect(await stranger.exists(`${prefix}unacked`, `${prefix}unacked_index`, `${prefix}lovage:leases`)).toBe(0);
  });

  test("refreshes kombu's index when a lease is extended, so that no Python worker restores the message", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    await broker.publish(textMessage("x"), TO_CELERY);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 1 }, inbox.accept);
    const delivery = await inbox.next();
    const [tag = ""] = await stranger.zrange(`${prefix}unacked_index`, 0, "-1");
    await stranger.zadd(`${prefix}unacked_index`, 1, tag);
    await delivery.extend(60);
    expect(Number(await stranger.zscore(`${prefix}unacked_index`, tag))).toBeGreaterThan(Date.now() / 1000 - 5);
    await delivery.ack();
  });

  test("writes a topic exchange's bindings with kombu's pattern", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare({ name: "q", exchange: { name: "media", type: "topic" }, routingKey: "video.*.#" });
    expect(await stranger.smembers(`${prefix}_kombu.binding.media`)).toEqual([
      `video.*.#${SEP}^video\\..*?[^\\.]\\..*?$${SEP}q`,
    ]);
    expect(kombuPattern("a-b.c_d")).toBe("^a\\-b\\.c_d$");
  });

  test("writes urgent messages where Python workers look first", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare({ name: "ours", maxPriority: 9 });
    await broker.declare({ name: "theirs", maxPriority: 9, priorityOrder: "celery" });
    await broker.declare({ name: "none" });
    for (const routingKey of ["ours", "theirs", "none"])
      for (const priority of [0, 5, 9])
        await broker.publish(textMessage(String(priority), { properties: { priority } }), {
          exchange: "",
          routingKey,
          priority,
        });

    const textsIn = async (queue: string, step: number): Promise<[string, number][]> => {
      const items = await stranger.lrange(`${prefix}${queue}${step === 0 ? "" : `${SEP}${step}`}`, 0, -1);
      return items.map((item) => {
        const { body, properties } = JSON.parse(item);
        return [Buffer.from(body, "base64").toString(), properties.priority];
      });
    };
    expect([await textsIn("ours", 0), await textsIn("ours", 3), await textsIn("ours", 9)]).toEqual([
      [["9", 0]],
      [["5", 4]],
      [["0", 9]],
    ]);
    expect([await textsIn("theirs", 0), await textsIn("theirs", 3), await textsIn("theirs", 9)]).toEqual([
      [["0", 0]],
      [["5", 5]],
      [["9", 9]],
    ]);
    expect(await textsIn("none", 0)).toEqual([
      ["9", 9],
      ["5", 5],
      ["0", 0],
    ]);

    const inbox = new Inbox();
    await broker.consume(["ours"], { prefetch: 3 }, inbox.accept);
    const deliveries = await inbox.take(3);
    expect(deliveries.map(({ message }) => message.properties.priority)).toEqual([9, 5, 0]);
    for (const delivery of deliveries) await delivery.ack();
  });

  test("takes what a Python client sent, in the order of its steps", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    await stranger.sadd(`${prefix}_kombu.binding.celery`, `celery${SEP}${SEP}celery`);
    await stranger.lpush(`${prefix}celery${SEP}9`, kombuEnvelope("third", { priority: 9 }));
    await stranger.lpush(`${prefix}celery`, kombuEnvelope("first"), kombuEnvelope("second"));
    const broker = await connect();
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 10 }, inbox.accept);
    const [first, , third] = await inbox.take(3);
    expect(inbox.texts).toEqual(["first", "second", "third"]);
    expect(first).toMatchObject({ queue: "celery", exchange: "", routingKey: "celery", deliveries: 1 });
    expect(third?.message.properties).toEqual({ correlation_id: "1", delivery_mode: 2, priority: 9 });
    expect(third?.message.headers).toEqual({ id: "1", stamps: {} });
    for (const delivery of inbox.deliveries) await delivery.ack();
  });

  test("knows queues that only Python has bound, under whatever exchange", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    await stranger.sadd(`${prefix}_kombu.binding.media`, `video${SEP}${SEP}films`);
    await stranger.sadd(`${prefix}_kombu.binding.celery.pidbox`, `${SEP}${SEP}w@h.celery.pidbox`);
    const broker = await connect();
    expect(await broker.queues.list()).toEqual(["films"]);
    await broker.publish(textMessage("by its exchange"), { exchange: "media", routingKey: "video" });
    await broker.publish(textMessage("by its name"), { exchange: "", routingKey: "films" });
    expect(await broker.queues.counts("films")).toMatchObject({ ready: 2 });
    const inbox = new Inbox();
    await broker.consume(["films"], { prefetch: 10 }, inbox.accept);
    for (const delivery of await inbox.take(2)) await delivery.ack();
    expect(inbox.texts).toEqual(["by its exchange", "by its name"]);
    await broker.declare({ name: "films", maxPriority: 9 });
  });

  test("is woken by a stranger's bare LPUSH, and asks for nothing while idle", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 10 }, inbox.accept);
    // There is no signal for a consumer having gone to sleep.
    await sleep(200);

    const seen = await commandsWithin(1000, stranger, prefix);
    // The net: one round in three seconds, with what its script calls.
    expect(seen.length).toBeLessThanOrEqual(15);

    const latencies: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      const sentMs = performance.now();
      await stranger.lpush(`${prefix}celery`, kombuEnvelope(String(turn)));
      const delivery = await inbox.next();
      latencies.push(performance.now() - sentMs);
      await delivery.ack();
    }
    expect(latencies.toSorted((a, b) => a - b)[5]).toBeLessThan(100);
  });

  test("gives back what a Python worker abandoned, by kombu's rules", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const hourAgo = Date.now() / 1000 - 3601;
    const save = async (tag: string, score: number, saved: string): Promise<void> => {
      await stranger.hset(`${prefix}unacked`, tag, saved);
      await stranger.zadd(`${prefix}unacked_index`, score, tag);
    };
    await save("old", hourAgo, `[${kombuEnvelope("old", { priority: 5, tag: "old" })}, "", "celery"]`);
    await save("young", hourAgo + 60, `[${kombuEnvelope("young", { tag: "young" })}, "", "celery"]`);
    await save("spoilt", hourAgo, "no JSON");
    await stranger.zadd(`${prefix}unacked_index`, hourAgo, "without message");
    const broker = await connect();
    await broker.declare(CELERY);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 10 }, inbox.accept);

    const delivery = await inbox.next();
    expect(decodeText(delivery.message)).toBe("old");
    expect(delivery.deliveries).toBe(2);
    expect(delivery.message.headers).toEqual({ id: "1", stamps: {} });
    expect(delivery.message.properties.priority).toBe(5);
    const [saved = ""] = (await stranger.hvals(`${prefix}unacked`)).filter(
      (each) => each.includes("tag-of") || each.includes('"old"'),
    );
    const [envelope] = JSON.parse(saved);
    expect(envelope.headers.redelivered).toBe(true);
    expect(envelope.properties.delivery_info.redelivered).toBe(true);
    await delivery.ack();
    await vi.waitFor(async () =>
      expect((await stranger.hkeys(`${prefix}unacked`)).toSorted()).toEqual(["spoilt", "young"]),
    );
    expect(await stranger.zscore(`${prefix}unacked_index`, "without message")).toBeNull();
    expect(await stranger.exists(`${prefix}unacked_mutex`)).toBe(0);
  });

  test("leaves abandoned messages to whoever holds kombu's mutex", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    await stranger.set(`${prefix}unacked_mutex`, "a Python worker");
    await stranger.hset(`${prefix}unacked`, "old", `[${kombuEnvelope("old")}, "", "celery"]`);
    await stranger.zadd(`${prefix}unacked_index`, 1, "old");
    const broker = await connect();
    await broker.declare(CELERY);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 10 }, inbox.accept);
    await broker.publish(textMessage("x"), TO_CELERY);
    await (await inbox.next()).ack();
    expect(inbox.texts).toEqual(["x"]);
    expect(await stranger.hexists(`${prefix}unacked`, "old")).toBe(1);
    expect(await stranger.get(`${prefix}unacked_mutex`)).toBe("a Python worker");
  });

  test("lets a Python worker restore what ours held when no worker of ours is left", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const dying = await connect();
    await dying.declare(CELERY);
    await dying.publish(textMessage("orphan"), TO_CELERY);
    const first = new Inbox();
    await dying.consume(["celery"], { prefetch: 1 }, first.accept);
    const stale = await first.next();
    await dying.abandon();
    // As kombu does it (celery-protocol 4.6): by any tag, to the list of the routing key.
    const [tag = ""] = await stranger.zrange(`${prefix}unacked_index`, 0, "-1");
    const [envelope, exchange, routingKey] = JSON.parse((await stranger.hget(`${prefix}unacked`, tag)) ?? "");
    expect([exchange, routingKey]).toEqual(["", "celery"]);
    envelope.headers.redelivered = true;
    envelope.properties.delivery_info.redelivered = true;
    await stranger
      .multi()
      .zrem(`${prefix}unacked_index`, tag)
      .hdel(`${prefix}unacked`, tag)
      .rpush(`${prefix}celery`, JSON.stringify(envelope))
      .exec();

    const living = await connect();
    const inbox = new Inbox();
    await living.consume(["celery"], { prefetch: 1 }, inbox.accept);
    const again = await inbox.next();
    expect(decodeText(again.message)).toBe("orphan");
    expect(again.message.headers).toEqual({ id: "orphan" });
    expect(again.token).toBeGreaterThan(Number(stale.token));
    await again.ack();
  });

  test.for([
    { what: "no JSON", entry: "no JSON" },
    { what: "bytes that are no text", entry: Buffer.from([0xff, 0xfe, 0, 1, 0x7b]) },
    { what: "an empty text", entry: "" },
    { what: "a list", entry: "[1, 2]" },
    { what: "JSON of another kind", entry: '{"id": 7}' },
    { what: "an empty object", entry: "{}" },
    { what: "half an envelope", entry: kombuEnvelope("x").slice(0, -20) },
  ])("delivers $what as the bytes that were found, and goes on", async ({ entry }) => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    await stranger.lpush(`${prefix}celery`, entry, kombuEnvelope("whole"));
    expect(await broker.queues.peek("celery", { limit: 10 })).toHaveLength(2);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 1 }, inbox.accept);
    const spoilt = await inbox.next();
    expect(spoilt.message).toMatchObject({ headers: {}, properties: {}, contentType: null });
    expect(Buffer.from(spoilt.message.body)).toEqual(Buffer.from(entry));
    // What is kept of it must not trip a Python worker that restores it.
    await vi.waitFor(async () => {
      const [saved = ""] = await stranger.hvals(`${prefix}unacked`);
      const [envelope] = JSON.parse(saved);
      expect(Buffer.from(envelope.body, "base64")).toEqual(Buffer.from(entry));
    });
    await spoilt.reject({ requeue: true });
    const again = await inbox.next();
    expect(again.deliveries).toBe(2);
    expect(Buffer.from(again.message.body)).toEqual(Buffer.from(entry));
    await again.ack();
    expect(decodeText((await inbox.next()).message)).toBe("whole");
  });

  test.for([
    { what: "a body that is not base64", body: '"%%%"', encoding: '"base64"', bytes: "%%%" },
    { what: "a body without encoding", body: '"plain"', encoding: "null", bytes: "plain" },
    { what: "a body that is no text", body: '{"a": 1}', encoding: '"base64"', bytes: '{"a":1}' },
  ])("takes $what as it is", async ({ body, encoding, bytes }) => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    await stranger.lpush(
      `${prefix}celery`,
      `{"body": ${body}, "headers": null, "properties": {"body_encoding": ${encoding}}}`,
    );
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 1 }, inbox.accept);
    const delivery = await inbox.next();
    expect(decodeText(delivery.message)).toBe(bytes);
    expect(delivery.message).toMatchObject({ headers: {}, properties: {} });
    await delivery.ack();
  });

  test("reads headers with numbers that only Python takes for JSON", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    await stranger.lpush(`${prefix}celery`, kombuEnvelope("x", { headers: '{"a": NaN, "b": [Infinity]}' }));
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 1 }, inbox.accept);
    const delivery = await inbox.next();
    expect(delivery.message.headers).toEqual({ a: Number.NaN, b: [Number.POSITIVE_INFINITY] });
    await delivery.ack();
  });

  test("goes on when the server forgets its scripts", async () => {
    const { stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 10 }, inbox.accept);
    for (const text of ["1", "2", "3"]) {
      await stranger.script("FLUSH");
      await broker.publish(textMessage(text), TO_CELERY);
      const delivery = await inbox.next();
      await stranger.script("FLUSH");
      await delivery.ack();
    }
    expect(inbox.texts).toEqual(["1", "2", "3"]);
    expect(await broker.queues.counts("celery")).toMatchObject({ ready: 0, unacked: 0 });
  });

  test("moves a message that is due to its list where no consumer of ours is", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare(CELERY);
    const eta = new Date(Date.now() + 300);
    await broker.publish(textMessage("due"), { ...TO_CELERY, eta });
    expect(await stranger.llen(`${prefix}celery`)).toBe(0);
    // As a Python worker waits.
    const [, raw = ""] = (await stranger.brpop(`${prefix}celery`, 5)) ?? [];
    expect(Date.now()).toBeGreaterThanOrEqual(eta.getTime());
    expect(Buffer.from(JSON.parse(raw).body, "base64").toString()).toBe("due");
  });

  test("reads replies that Python workers push, and takes its mailbox away", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    const heard: string[] = [];
    const subscription = await broker.broadcast.subscribe("replies", "oid", (message) =>
      heard.push(decodeText(message)),
    );
    const bindings = `${prefix}_kombu.binding.reply.celery.pidbox`;
    expect(await stranger.smembers(bindings)).toEqual([`oid${SEP}${SEP}oid.reply.celery.pidbox`]);
    await stranger.lpush(`${prefix}oid.reply.celery.pidbox`, kombuEnvelope("pong"));
    await vi.waitFor(() => expect(heard).toEqual(["pong"]));
    await subscription.cancel();
    expect(await stranger.exists(bindings, `${prefix}oid.reply.celery.pidbox`)).toBe(0);
  });

  test("publishes events and control on kombu's channels", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const broker = await connect();
    const listening = stranger.duplicate();
    const channels: string[] = [];
    listening.on("pmessage", (_, channel: string) => channels.push(channel));
    await listening.psubscribe(`${prefix}/*`);
    await broker.broadcast.publish("events", "worker.online", textMessage("x"));
    await broker.broadcast.publish("control", "", textMessage("x"));
    await vi.waitFor(() =>
      expect(channels).toEqual([`${prefix}/0.celeryev/worker.online`, `${prefix}/0.celery.pidbox`]),
    );
    listening.disconnect();
  });

  test("confirms each message once, and loses and doubles none, while its connections are cut", async () => {
    const { prefix, stranger, broker: connect } = await givenRedis(server);
    const { hostname, port } = new URL(server);
    const proxy = await CutProxy.to(hostname, Number(port));
    const broker = await connect({ url: `redis://127.0.0.1:${proxy.port}?global_keyprefix=${prefix}` });
    await broker.declare(CELERY);
    const count = 3000;
    let next = 0;
    let failed = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        const text = String(next++);
        await broker.publish(textMessage(text), TO_CELERY).catch(() => failed++);
        if (next % 500 === 0) proxy.cut();
      }
    };
    await Promise.all(Array.from({ length: 20 }, lane));
    expect(failed).toBe(0);
    const bodies = (await stranger.lrange(`${prefix}celery`, 0, -1)).map((raw) =>
      Buffer.from(JSON.parse(raw).body, "base64").toString(),
    );
    expect(bodies.length).toBe(count);
    expect(new Set(bodies).size).toBe(count);

    // And the same for taking and acknowledging: nothing stays held, nothing is lost.
    const done = new Set<string>();
    const inbox = new Inbox();
    await broker.consume(["celery"], { prefetch: 50 }, (delivery) => {
      inbox.accept(delivery);
      done.add(decodeText(delivery.message));
      delivery.ack().catch(() => undefined);
      if (inbox.deliveries.length % 500 === 0) proxy.cut();
    });
    await vi.waitFor(() => expect(done.size).toBe(count), 20_000);
    await vi.waitFor(async () => expect(await stranger.hlen(`${prefix}unacked`)).toBe(0), 10_000);
    // Those whose delivery was cut off count as delivered; acknowledged ones never come again.
    expect(inbox.deliveries.length).toBe(count);
  }, 30_000);

  test("keeps a program alive that only consumes, until it closes", async () => {
    const { url, broker: connect } = await givenRedis(server);
    const broker = await connect();
    await broker.declare({ name: "q" });
    const idle = await IdleProcess.start("consume", url);
    await broker.publish(textMessage("awake"), { exchange: "", routingKey: "q" });
    expect(await idle.end()).toBe(0);
  });

  test.for([
    { query: "global_keyprefx=a", problem: /global_keyprefix/ },
    { query: "priority_steps=3,6", problem: /priority_steps/ },
    { query: "visibility_timeout=soon", problem: /visibility_timeout/ },
    { query: "visibility_timeout=15", problem: /longer than brokerLeaseSeconds/ },
    { query: "queue_order_strategy=random", problem: /round_robin/ },
    { query: "fanout_patterns=maybe", problem: /fanout_patterns/ },
  ])("refuses ?$query", ({ query, problem }) => {
    const open = (): RedisBroker =>
      new RedisBroker({
        url: `${server}?${query}`,
        leaseSeconds: 15,
        publishTimeout: 10,
        connections: new Connections(),
        logger: silentLogger,
      });
    expect(open).toThrow(ConfigurationError);
    expect(open).toThrow(problem);
  });
});

/** The first task of the captured session, as a Python client pushed it. */
function capturedEnvelope(): { body: string; headers: Record<string, unknown>; properties: Record<string, unknown> } {
  const session = vectorsOf("redis_transport.json").find(({ name }) => name === "publish_consume_ack");
  const commands = array(session?.captured.commands).map((each) => array(object(each).cmd));
  const [, , raw] = commands.find(([name]) => name === "LPUSH") ?? [];
  const envelope = object(JSON.parse(String(raw)));
  const { body, headers, properties } = envelope;
  return { ...envelope, body: String(body), headers: { ...object(headers) }, properties: { ...object(properties) } };
}

/** What the server is asked about keys with the prefix during a time. */
async function commandsWithin(delayMs: number, client: Redis, prefix: string): Promise<string[]> {
  const monitor = await client.duplicate({ protocol: 2 }).monitor();
  const seen: string[] = [];
  monitor.on("monitor", (_time: string, args: string[]) => {
    if (args.some((each) => each.startsWith(prefix))) seen.push(args.slice(0, 3).join(" ").slice(0, 80));
  });
  // The time itself is what is measured.
  await sleep(delayMs);
  monitor.disconnect();
  return seen;
}
