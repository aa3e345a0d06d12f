import { createServer, connect as dial, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { AmqpBroker } from "../../src/brokers/amqp/broker.js";
import type { Delivery } from "../../src/brokers/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { BrokerConnectionError, BrokerError, LeaseLostError, UnroutableError } from "../../src/errors.js";
import { silentLogger } from "../../src/util/logger.js";
import { type GivenAmqp, givenAmqp, killConnections } from "../support/amqp-broker.js";
import { amqpVhost, manage } from "../support/amqp-vhost.js";
import { Inbox } from "../support/inbox.js";
import { describeWithServer } from "../support/servers.js";
import { decodeText, textMessage } from "../support/text-message.js";

const TO_Q = { exchange: "", routingKey: "q" };

function brokerAt(url: string): AmqpBroker {
  const broker = new AmqpBroker({
    url,
    leaseSeconds: 15,
    publishTimeout: 10,
    connections: new Connections(),
    logger: silentLogger,
  });
  onTestFinished(() => broker.close());
  return broker;
}

describeWithServer("amqp", "A connection to RabbitMQ", (server) => {
  test("that is killed again and again loses nothing that was confirmed", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.declare({ name: "q" });
    const consumed = new Set<string>();
    await broker.consume(["q"], { prefetch: 50 }, (delivery) => {
      const text = decodeText(delivery.message);
      // One whose acknowledgement was lost comes again: that is what at least once means.
      delivery.ack().then(
        () => consumed.add(text),
        () => undefined,
      );
    });
    const confirmed: string[] = [];
    let publishing = true;
    const lane = async (number: number): Promise<void> => {
      for (let n = 0; publishing; n++) {
        const text = `${number}-${n}`;
        await broker.publish(textMessage(text), TO_Q);
        confirmed.push(text);
      }
    };
    const lanes = Promise.all(Array.from({ length: 20 }, (_, number) => lane(number)));
    for (let time = 0; time < 2; time++) {
      const before = confirmed.length;
      expect(await killConnections(vhost)).toBeGreaterThan(0);
      await vi.waitFor(() => expect(confirmed.length).toBeGreaterThan(before + 500), 20_000);
    }
    publishing = false;
    await lanes;
    await vi.waitFor(() => expect(confirmed.filter((text) => !consumed.has(text))).toEqual([]), 20_000);
  });

  test("that is lost takes the deliveries held on it along", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("x"), TO_Q);
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 1 }, inbox.accept);
    const stale = await inbox.next();
    await killConnections(vhost);

    const again = await inbox.next();

    expect(again.deliveries).toBe(2);
    const late: ((delivery: Delivery) => Promise<unknown>)[] = [
      (delivery) => delivery.ack(),
      (delivery) => delivery.reject({ requeue: true }),
      (delivery) => delivery.extend(10),
      (delivery) => delivery.begin(),
    ];
    for (const change of late) await expect(change(stale)).rejects.toThrow(LeaseLostError);
    expect(await again.begin()).toBe(1);
    await again.ack();
  });

  test("brings back broadcasts, their queues and the topology", async () => {
    const { broker, vhost } = await givenAmqp();
    const heard: string[] = [];
    await broker.broadcast.subscribe("events", "#", (message) => heard.push(decodeText(message)));
    await broker.broadcast.subscribe("control", "", (message) => heard.push(decodeText(message)));
    await broker.declare({ name: "q", exchange: { name: "x", type: "topic" }, routingKey: "a.#" });
    await broker.bind("q", { name: "y", type: "fanout" }, "");
    await broker.publish(textMessage("1"), TO_Q);
    // A broker that has lost everything but its name.
    for (const what of ["queues/VHOST/q", "exchanges/VHOST/x", "exchanges/VHOST/y"])
      await manage("DELETE", `/api/${what.replace("VHOST", vhost.name)}`);
    await killConnections(vhost);
    await vi.waitFor(async () => {
      await broker.broadcast.publish("events", "k", textMessage("event"));
      await broker.broadcast.publish("control", "", textMessage("control"));
      expect(heard).toEqual(expect.arrayContaining(["event", "control"]));
    }, 15_000);
    await broker.publish(textMessage("2"), { exchange: "x", routingKey: "a.b" });
    await broker.publish(textMessage("3"), { exchange: "y", routingKey: "" });
    expect((await broker.queues.counts("q"))?.ready).toBe(2);
  });

  test("that is open but dead is noticed, and its work goes on over another", async () => {
    const vhost = await amqpVhost();
    onTestFinished(vhost.remove);
    const proxy = await stallingProxy(new URL(vhost.url));
    const broker = new AmqpBroker({
      url: proxy.url,
      leaseSeconds: 15,
      publishTimeout: 30,
      connections: new Connections(),
      logger: silentLogger,
    });
    onTestFinished(() => broker.close());
    await broker.connect();
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("before"), TO_Q);
    proxy.stall();
    const stalled = performance.now();
    await broker.publish(textMessage("during"), TO_Q);
    // Long before heartbeats would tell.
    expect(performance.now() - stalled).toBeLessThan(18_000);
    expect((await broker.queues.counts("q"))?.ready).toBeGreaterThanOrEqual(2);
  });

  test("goes to the next of several addresses", async () => {
    const vhost = await amqpVhost();
    onTestFinished(vhost.remove);
    const broker = brokerAt(`amqp://guest:guest@127.0.0.1:1/nowhere;${vhost.url}`);
    await broker.connect();
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("x"), TO_Q);
  });

  test("is refused with a wrong password, which is not shown", async () => {
    const url = new URL(server);
    url.password = "not-the-password";
    const refused = await brokerAt(url.href)
      .connect()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(refused).toBeInstanceOf(BrokerConnectionError);
    expect(String(refused)).toMatch(/refused user guest/);
    expect(String(refused)).not.toContain("not-the-password");
  });

  test("that nobody accepts is an error that says where", async () => {
    await expect(brokerAt("amqp://127.0.0.1:1").connect()).rejects.toThrow(/amqp:\/\/127\.0\.0\.1:1\/.*ECONNREFUSED/);
  });

  test("to something that never answers ends in time", async () => {
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    const address = mute.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const broker = brokerAt(`amqp://127.0.0.1:${port}?connection_timeout=0.2`);
    await expect(broker.connect()).rejects.toThrow(BrokerConnectionError);
  });
});

/** A TCP proxy whose open connections can be made to stand still, both ways, while new ones work. */
async function stallingProxy(target: URL): Promise<{ url: string; stall(): void }> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const far = dial(Number(target.port || 5672), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const [near, far] of pairs) for (const socket of [near, far]) socket.destroy();
    server.close();
  });
  const address = server.address();
  const url = new URL(target);
  url.host = `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  const stall = (): void => {
    for (const [near, far] of pairs) for (const socket of [near, far]) socket.unpipe().pause();
  };
  return { url: url.href, stall };
}

describeWithServer("amqp", "A consumer on RabbitMQ", () => {
  test("goes on when its queue is deleted by somebody else", async () => {
    const { broker, connect } = await givenAmqp();
    const other = await connect();
    await broker.declare({ name: "q", exchange: { name: "x", type: "direct" } });
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 1 }, inbox.accept);
    await broker.publish(textMessage("held"), TO_Q);
    const held = await inbox.next();
    await other.queues.delete("q");
    await vi.waitFor(async () => expect((await other.queues.counts("q"))?.consumers).toBe(1), 10_000);
    await expect(held.ack()).rejects.toThrow(LeaseLostError);
    await other.publish(textMessage("new"), { exchange: "x", routingKey: "q" });
    const next = await inbox.next();
    expect(decodeText(next.message)).toBe("new");
    await next.ack();
  });

  test("counts beginnings in a queue that is gone when the message is done", async () => {
    const { broker, vhost } = await givenAmqp();
    await broker.declare({ name: "q" });
    await broker.publish(textMessage("x"), TO_Q);
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 1 }, inbox.accept);
    for (let time = 1; time <= 3; time++) {
      const delivery = await inbox.next();
      expect(await delivery.begin()).toBe(time);
      if (time < 3) await delivery.reject({ requeue: true });
      else await delivery.ack();
    }
    await vi.waitFor(async () => {
      const queues = await manage("GET", `/api/queues/${vhost.name}`);
      expect(JSON.stringify(queues)).not.toContain("lovage.begun");
    }, 5000);
  });
});

describeWithServer("amqp", "A publish to RabbitMQ", () => {
  async function givenQueue(options: Parameters<typeof givenAmqp>[1] = {}): Promise<GivenAmqp> {
    const given = await givenAmqp("", options);
    await given.broker.declare({ name: "q" });
    return given;
  }

  test("that is refused does not take its neighbours along", async () => {
    const { broker } = await givenQueue();
    const texts = Array.from({ length: 50 }, (_, index) => String(index));
    const outcomes = await Promise.allSettled(
      texts.map((text, index) =>
        broker.publish(textMessage(text), index % 10 === 5 ? { exchange: "", routingKey: "nowhere" } : TO_Q),
      ),
    );
    const refused = outcomes.flatMap((outcome, index) => (outcome.status === "rejected" ? [index] : []));
    expect(refused).toEqual([5, 15, 25, 35, 45]);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(UnroutableError);
    expect((await broker.queues.counts("q"))?.ready).toBe(45);
  });

  test("to an exchange that was deleted fails alone; the others arrive", async () => {
    const { broker, vhost } = await givenQueue();
    await broker.bind("q", { name: "x", type: "direct" }, "k");
    await broker.publish(textMessage("0"), { exchange: "x", routingKey: "k" });
    await manage("DELETE", `/api/exchanges/${vhost.name}/x`);
    const outcomes = await Promise.allSettled([
      broker.publish(textMessage("1"), TO_Q),
      broker.publish(textMessage("2"), { exchange: "x", routingKey: "k" }),
      broker.publish(textMessage("3"), TO_Q),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(outcomes[1]).toMatchObject({ reason: expect.any(UnroutableError) });
    const inbox = new Inbox();
    await broker.consume(["q"], { prefetch: 0 }, inbox.accept);
    await vi.waitFor(() => expect(inbox.texts).toEqual(expect.arrayContaining(["0", "1", "3"])));
  });

  test("with headers that are too large is an error that names the largest", async () => {
    const { broker } = await givenQueue();
    const headers = { id: "1", argsrepr: "x".repeat(70_000) };
    const refused = broker.publish(textMessage("x", { headers }), TO_Q);
    await expect(refused).rejects.toThrow(/argsrepr, 70002 bytes/);
    await expect(refused).rejects.toMatchObject({ code: "message_not_encodable" });
    await broker.publish(textMessage("fits"), TO_Q);
  });

  test("with a header that no JSON has is an error that names it", async () => {
    const { broker } = await givenQueue();
    const refused = broker.publish(textMessage("x", { headers: { count: 1n } }), TO_Q);
    await expect(refused).rejects.toThrow(/"count"/);
    await expect(refused).rejects.toThrow(BrokerError);
  });

  test("that cannot be delivered ends by its deadline, in words", async () => {
    const { broker, vhost } = await givenQueue({ publishTimeout: 0.5 });
    await vhost.remove();
    const before = performance.now();
    await expect(broker.publish(textMessage("x"), TO_Q)).rejects.toThrow(BrokerConnectionError);
    await expect(broker.declare({ name: "r" })).rejects.toThrow(BrokerConnectionError);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
