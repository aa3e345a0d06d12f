import { expect, test } from "vitest";
import { BrokerError, UnroutableError } from "../../src/errors.js";
import { givenAmqp } from "../support/amqp-broker.js";
import { type AmqpVhost, manage } from "../support/amqp-vhost.js";
import { Inbox } from "../support/inbox.js";
import { describeWithServer } from "../support/servers.js";
import { textMessage } from "../support/text-message.js";
import { vectorsOf } from "../support/vectors.js";

interface BrokerObject {
  readonly name: string;
  readonly [member: string]: unknown;
}
interface BoundObject {
  readonly source: string;
  readonly destination: string;
  readonly routing_key: string;
}

async function list<T = BrokerObject>(kind: "queues" | "exchanges" | "bindings", vhost: AmqpVhost): Promise<T[]> {
  const found = await manage("GET", `/api/${kind}/${vhost.name}`);
  return Array.isArray(found) ? found : [];
}
const LATER = (seconds: number): Date => new Date(Date.now() + seconds * 1000);

describeWithServer("amqp", "RabbitMQ's queues", () => {
  test("are declared with the arguments that Celery declares them with", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.declare({ name: "plain", exchange: { name: "plain", type: "direct" } });
    await broker.declare({ name: "urgent", maxPriority: 10 });
    await broker.declare({ name: "safe", type: "quorum" });
    const queues = new Map((await list("queues", vhost)).map((queue) => [queue.name, queue]));
    const durable = { durable: true, auto_delete: false, exclusive: false };
    expect(queues.get("plain")).toMatchObject({ ...durable, arguments: {} });
    expect(queues.get("urgent")).toMatchObject({ ...durable, arguments: { "x-max-priority": 10 } });
    expect(queues.get("safe")).toMatchObject({ durable: true, arguments: { "x-queue-type": "quorum" } });
    expect((await list("exchanges", vhost)).find(({ name }) => name === "plain")).toMatchObject({
      type: "direct",
      durable: true,
      auto_delete: false,
      arguments: {},
    });
    expect(await list<BoundObject>("bindings", vhost)).toContainEqual(
      expect.objectContaining({ source: "plain", destination: "plain", routing_key: "plain" }),
    );
  });

  test.for([
    {
      declared: { name: "q", maxPriority: 9 },
      again: { name: "q", maxPriority: 5 },
      says: "queue q exists with maxPriority 9; it was declared here with 5",
    },
    {
      declared: { name: "q", maxPriority: 9 },
      again: { name: "q" },
      says: "queue q exists with maxPriority 9; it was declared here with unset",
    },
    {
      declared: { name: "q" },
      again: { name: "q", type: "quorum" },
      says: "queue q exists with type unset; it was declared here with quorum",
    },
  ] as const)("$says", async ({ declared, again, says }) => {
    const { broker } = await givenAmqp();
    await broker.declare(declared);
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 5 }, inbox.accept);
    await broker.publish(textMessage("held"), { exchange: "", routingKey: "q" });
    const held = await inbox.next();

    await expect(broker.declare(again)).rejects.toMatchObject({ message: says, code: "queue_mismatch" });

    // Nobody else has noticed.
    await held.ack();
    await broker.publish(textMessage("after"), { exchange: "", routingKey: "q" });
    expect((await inbox.next()).deliveries).toBe(1);
  });

  test("of the quorum type hold at most the prefetch over all of them, and follow its changes", async () => {
    const { broker } = await givenAmqp();
    for (const name of ["a", "b"]) {
      await broker.declare({ name, type: "quorum" });
      for (let n = 0; n < 5; n++) await broker.publish(textMessage(`${name}${n}`), { exchange: "", routingKey: name });
    }
    const inbox = new Inbox();
    const consumer = await broker.consume(["a", "b"], { prefetch: 2 }, inbox.accept);
    const [first] = await inbox.take(2);
    await first?.ack();
    await inbox.next();
    expect(inbox.deliveries).toHaveLength(3);
    await consumer.setPrefetch(4);
    await inbox.take(2);
    expect(inbox.deliveries).toHaveLength(5);
    await consumer.setPrefetch(0);
    await inbox.holds(10);
    await Promise.all(inbox.deliveries.slice(1).map((delivery) => delivery.ack()));
    expect(new Set(inbox.texts).size).toBe(10);
  });

  test("have names of up to 255 bytes", async () => {
    const { broker } = await givenAmqp();
    const name = "x".repeat(256);
    const { broadcast, queues } = broker;
    const tooLong: (() => Promise<unknown>)[] = [
      () => broker.declare({ name }),
      () => queues.counts(name),
      () => broker.publish(textMessage("x"), { exchange: "", routingKey: name }),
      () => broadcast.subscribe("replies", name, () => undefined),
    ];
    for (const use of tooLong) await expect(use()).rejects.toThrow(BrokerError);
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("x"), { exchange: "", routingKey: "q" });
  });

  test("are consumed for what they are when somebody else has declared them", async () => {
    const { broker, connect } = await givenAmqp();
    const other = await connect();
    await other.declare({ name: "safe", type: "quorum" });
    await other.declare({ name: "urgent", maxPriority: 5 });
    const inbox = new Inbox();
    await broker.consume(["safe", "urgent"], { prefetch: 3 }, inbox.accept);
    for (const queue of ["safe", "urgent"])
      await other.publish(textMessage(queue), { exchange: "", routingKey: queue });
    await inbox.holds(2);
  });

  test("for control, events and replies are those of Celery", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.broadcast.subscribe("control", "", () => undefined, { name: "w1@example.com" });
    await broker.broadcast.subscribe("events", "worker.#", () => undefined);
    await broker.broadcast.subscribe("replies", "the-oid", () => undefined);
    const queues = new Map((await list("queues", vhost)).map((queue) => [queue.name, queue]));
    const mailbox = { durable: false, auto_delete: true, exclusive: false };
    const mailboxArguments = { "x-expires": 10_000, "x-message-ttl": 300_000 };
    expect(queues.get("w1@example.com.celery.pidbox")).toMatchObject({ ...mailbox, arguments: mailboxArguments });
    expect(queues.get("the-oid.reply.celery.pidbox")).toMatchObject({ ...mailbox, arguments: mailboxArguments });
    const events = [...queues.values()].find(({ name }) => name.startsWith("celeryev."));
    expect(events).toMatchObject({ ...mailbox, arguments: { "x-expires": 60_000, "x-message-ttl": 5_000 } });
    const exchanges = new Map((await list("exchanges", vhost)).map((exchange) => [exchange.name, exchange]));
    expect(exchanges.get("celeryev")).toMatchObject({ type: "topic", durable: true });
    expect(exchanges.get("celery.pidbox")).toMatchObject({ type: "fanout", durable: false });
    expect(exchanges.get("reply.celery.pidbox")).toMatchObject({ type: "direct", durable: false });
  });
});

describeWithServer("amqp", "An ETA on RabbitMQ", () => {
  const captured = vectorsOf("amqp_topology.json").find(
    ({ name }) => name === "native_delayed_delivery_objects",
  )?.captured;

  test.skipIf(!captured)("waits in queues, exchanges and bindings like Celery's own", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.declare({ name: "celery", type: "quorum", exchange: { name: "celery", type: "topic" } });
    await broker.publish(textMessage("later"), { exchange: "", routingKey: "celery", eta: LATER(3600) });

    const queues = (await list("queues", vhost)).map(({ name, durable, auto_delete, arguments: args }) => ({
      name,
      durable,
      auto_delete,
      args,
    }));
    for (const queue of arrayOf(captured?.queues)) {
      const { name, durable, auto_delete, arguments: args } = queue;
      if (!/^celery(_delayed_\d+)?$/.test(String(name))) continue;
      expect(queues).toContainEqual({ name, durable, auto_delete, args: argumentsOf(args) });
    }
    const exchanges = (await list("exchanges", vhost)).map(({ name, type, durable }) => ({ name, type, durable }));
    for (const { name, type, durable } of arrayOf(captured?.exchanges)) {
      if (String(name).startsWith("celery_delayed")) expect(exchanges).toContainEqual({ name, type, durable });
    }
    const bindings = (await list<BoundObject>("bindings", vhost)).map(
      ({ source, destination, routing_key }) => `${source} -> ${destination} ${routing_key}`,
    );
    for (const { source_name, destination_name, routing_key } of arrayOf(captured?.bindings)) {
      if (/^celery(_delayed|$)/.test(String(source_name)))
        expect(bindings).toContain(`${source_name} -> ${destination_name} ${routing_key}`);
    }
  });

  test("leaves no trace on the message", async () => {
    const { broker } = await givenAmqp();
    await broker.declare({ name: "q" });
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 0 }, inbox.accept);
    const eta = LATER(1.2);
    const sent = textMessage("later", { properties: { expiration: "1", correlation_id: "c" } });
    await broker.publish(sent, { exchange: "", routingKey: "q", eta });
    const { message, exchange, routingKey, queue, deliveries } = await inbox.next();
    expect(Date.now()).toBeGreaterThanOrEqual(eta.getTime());
    expect({ exchange, routingKey, queue, deliveries }).toEqual({
      exchange: "",
      routingKey: "q",
      queue: "q",
      deliveries: 1,
    });
    expect({ ...message, body: Buffer.from(message.body) }).toEqual({ ...sent, body: Buffer.from(sent.body) });
  });

  test.for([
    { type: "direct", bound: "a.b", sent: "a.b" },
    { type: "topic", bound: "order.*.paid", sent: "order.7.paid" },
    { type: "fanout", bound: "", sent: "anything" },
  ] as const)("goes through the bindings of a $type exchange when it is due", async ({ type, bound, sent }) => {
    const { broker } = await givenAmqp("native_delayed_delivery_queue_type=classic");
    await broker.declare({ name: "q" });
    await broker.declare({ name: "r" });
    await broker.bind("q", { name: "x", type }, bound);
    await broker.bind("r", { name: "x", type }, type === "topic" ? "#" : bound);
    const inbox = new Inbox();
    await broker.consume(["q", "r"], { prefetch: 0 }, inbox.accept);
    await broker.publish(textMessage("later"), { exchange: "x", routingKey: sent, eta: LATER(0.5) });
    const both = await inbox.take(2);
    expect(both.map(({ queue }) => queue).toSorted()).toEqual(["q", "r"]);
    for (const delivery of both) {
      expect(delivery).toMatchObject({ exchange: "x", routingKey: sent, deliveries: 1 });
      expect(delivery.message.headers).toEqual({ id: "later" });
      await delivery.ack();
    }
  });

  test("works for queues whose names are patterns, or long", async () => {
    const { broker } = await givenAmqp("native_delayed_delivery_queue_type=classic");
    const names = ["#", "a.*", "a.b", "x".repeat(250)];
    for (const name of names) await broker.declare({ name });
    const inbox = new Inbox();
    await broker.consume(names, { prefetch: 0 }, inbox.accept);
    await Promise.all(
      names.map((name) => broker.publish(textMessage(name), { exchange: "", routingKey: name, eta: LATER(0.5) })),
    );
    await inbox.holds(names.length);
    expect(inbox.texts.toSorted()).toEqual(names.toSorted());
    for (const { message, queue, routingKey } of inbox.deliveries)
      expect([queue, routingKey]).toEqual([message.headers.id, message.headers.id]);
  });

  test("for a queue or an exchange that is not there is an error", async () => {
    const { broker } = await givenAmqp("native_delayed_delivery_queue_type=classic");
    const eta = LATER(60);
    for (const route of [
      { exchange: "", routingKey: "nowhere" },
      { exchange: "nowhere", routingKey: "k" },
    ]) {
      await expect(broker.publish(textMessage("lost"), { ...route, eta })).rejects.toThrow(UnroutableError);
      await broker.publish(textMessage("lost"), { ...route, eta, mandatory: false });
    }
  });

  test("beyond what the delay queues can say is refused", async () => {
    const { broker } = await givenAmqp();
    await broker.declare({ name: "q" });
    const eta = LATER(2 ** 28 + 60);
    await expect(broker.publish(textMessage("x"), { exchange: "", routingKey: "q", eta })).rejects.toMatchObject({
      code: "eta_too_far",
    });
  });

  test("says what is wrong when others keep the delays in another type of queue", async () => {
    const { broker, connect } = await givenAmqp();
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("1"), { exchange: "", routingKey: "q", eta: LATER(60) });
    const other = await connect({ transport: { native_delayed_delivery_queue_type: "classic" } });
    await expect(other.publish(textMessage("2"), { exchange: "", routingKey: "q", eta: LATER(60) })).rejects.toThrow(
      /native_delayed_delivery_queue_type/,
    );
  });
});

function arrayOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value : [];
}
/** `[name, type, value]` rows as an object. */
function argumentsOf(rows: unknown): Record<string, unknown> {
  return Object.fromEntries(
    (Array.isArray(rows) ? rows : []).map(([name, , value]: unknown[]) => [String(name), value]),
  );
}
