import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Broker, BrokerCapabilities, Delivery, ExchangeSpec, QueueSpec } from "../../src/brokers/broker.js";
import { BrokerError, LeaseLostError, UnroutableError } from "../../src/errors.js";
import type { Message } from "../../src/protocol/message.js";
import { Inbox } from "../support/inbox.js";
import { PeerProcess } from "../support/peer-process.js";
import { decodeText, textMessage } from "../support/text-message.js";

/** One broker with nothing in it, for one test. */
export interface BrokerFixture {
  /** What another process opens the same broker with. */
  readonly url: string;
  /** A new connection, not yet opened. */
  connection(options: { leaseSeconds: number }): Broker;
  /** Ends a connection as the death of its process would: nothing is given back. */
  abandon(broker: Broker): Promise<void>;
  /** Removes what the test left. All connections are closed by then. */
  remove(): Promise<void>;
}

export interface BrokerContract {
  /** The shared log is a matter of two drivers and pinned in shared-log.test.ts. */
  readonly capabilities: Omit<BrokerCapabilities, "log">;
  fixture(): Promise<BrokerFixture>;
}

/** Seconds: longer than any test, so that nothing comes back by itself. */
const LONG_LEASE = 60;
/** Seconds: for tests that wait for its end. */
const SHORT_LEASE = 0.5;
/** Milliseconds in which what should not happen would have happened. There is no signal for nothing. */
const QUIET_MS = 60;

/** Found by chance once: a client library took it for a whole number. */
const LARGE_FRACTION = {
  headers: { number: [1125903060632743.2, -1125903060632743.2] },
  properties: {},
  body: new Uint8Array(),
  contentType: null,
  contentEncoding: null,
};

/** What every broker does, and each by its capabilities. */
export function describeBroker(name: string, contract: BrokerContract): void {
  const { capabilities } = contract;
  /** Skips a case where the broker cannot do it, and says why in the report's metadata. */
  const without = (reason: string, missing: boolean) => ({
    skip: missing,
    meta: missing ? { doesNotApply: reason } : {},
  });

  const { inspection, etaStep } = capabilities;
  /** What an inspector that does not see everything says instead. */
  const counted = (counts: { ready?: number; unacked?: number; scheduled?: number }) => ({
    ...counts,
    ...(inspection.held ? {} : { unacked: 0 }),
    ...(inspection.scheduled ? {} : { scheduled: 0 }),
  });
  /** What a delivery says that is its message's `count`th. */
  const timesDelivered = (count: number): number =>
    capabilities.deliveryCount === "each" ? count : Math.min(count, 2);
  /** Milliseconds: long enough for a message to be ready that is due. */
  const DUE_MS = 2000 + etaStep * 2000;

  async function given(): Promise<Given> {
    const fixture = await contract.fixture();
    const opened: Broker[] = [];
    onTestFinished(async () => {
      for (const broker of opened) await broker.close();
      await fixture.remove();
    });
    const connect = async (leaseSeconds = LONG_LEASE): Promise<Broker> => {
      const broker = fixture.connection({ leaseSeconds });
      opened.push(broker);
      await broker.connect();
      return broker;
    };
    return {
      fixture,
      connect,
      abandon: async (broker) => {
        opened.splice(opened.indexOf(broker), 1);
        await fixture.abandon(broker);
      },
    };
  }

  /** One connection and its declared queues. */
  async function givenBroker(...queues: (string | QueueSpec)[]): Promise<Broker> {
    const broker = await (await given()).connect();
    await declareAll(broker, queues);
    return broker;
  }

  describe(`the ${name} broker`, () => {
    test("declares the capabilities this suite was given", async () => {
      const broker = await givenBroker();
      const { log: _log, ...declared } = broker.capabilities;
      expect(declared).toEqual(capabilities);
    });

    describe("its connection", () => {
      test("may be opened twice", async () => {
        const broker = await givenBroker("q");
        await broker.connect();
        await send(broker, "q", "still there");
        expect((await broker.queues.counts("q"))?.ready).toBe(1);
      });

      test("may be closed before it is opened, and twice", async () => {
        const { fixture } = await given();
        const broker = fixture.connection({ leaseSeconds: LONG_LEASE });
        await broker.close();
        await broker.close();
      });

      test.for<{ what: string; use: (broker: Broker) => Promise<unknown> }>([
        { what: "publish", use: (broker) => send(broker, "q", "late") },
        { what: "declare", use: (broker) => broker.declare({ name: "late" }) },
        { what: "consume", use: (broker) => consume(broker, ["q"]) },
        { what: "count", use: (broker) => broker.queues.counts("q") },
        { what: "purge", use: (broker) => broker.queues.purge("q") },
        { what: "broadcast", use: (broker) => broker.broadcast.publish("control", "", textMessage("late")) },
        { what: "listen", use: (broker) => listen(broker, "control", "") },
      ])("refuses to $what once it is closed", async ({ use }) => {
        const broker = await givenBroker("q");
        await broker.close();
        await expect(use(broker)).rejects.toMatchObject({ name: "BrokerError", code: "broker_closed" });
      });

      test("gives back what was taken out of turn when it is closed", async () => {
        const { connect } = await given();
        const leaving = await connect();
        const staying = await connect();
        await declareAll(leaving, ["q"]);
        await send(leaving, "q", "x");
        await leaving.queues.take("q", [...(await keysOf(leaving, "q")).values()]);
        await leaving.close();
        await vi.waitFor(async () => expect(await staying.queues.counts("q")).toMatchObject({ ready: 1, unacked: 0 }));
      });

      test("gives back at once what its consumers hold when it is closed", async () => {
        const { connect } = await given();
        const leaving = await connect();
        const staying = await connect();
        await declareAll(leaving, ["q"]);
        await sendAll(leaving, "q", ["a", "b"]);
        await (await consume(leaving, ["q"])).inbox.take(2);

        await leaving.close();

        const { inbox } = await consume(staying, ["q"]);
        const deliveries = await inbox.take(2);
        expect(deliveries.map(({ message }) => decodeText(message))).toEqual(["a", "b"]);
        expect(deliveries.map((each) => each.deliveries)).toEqual([2, 2]);
      });

      test("delivers no more once it is closed", async () => {
        const { connect } = await given();
        const leaving = await connect();
        const staying = await connect();
        await declareAll(leaving, ["q"]);
        const { inbox } = await consume(leaving, ["q"]);
        await leaving.close();
        await send(staying, "q", "for others");
        await quiet();
        expect(inbox.texts).toEqual([]);
      });
    });

    describe("declaring queues", () => {
      test("is idempotent and keeps the messages", async () => {
        const broker = await givenBroker("q");
        await send(broker, "q", "kept");
        await broker.declare({ name: "q" });
        expect(await broker.queues.counts("q")).toMatchObject({ ready: 1 });
      });

      test(
        "with another property is refused, and the error names it",
        without("no priorities", !capabilities.priorities),
        async () => {
          const broker = await givenBroker({ name: "q", maxPriority: 9 });
          await expect(broker.declare({ name: "q", maxPriority: 5 })).rejects.toThrow(/maxPriority/);
          await expect(broker.declare({ name: "q" })).rejects.toThrow(BrokerError);
        },
      );

      test("with an exchange of another type is refused, and the error names it", async () => {
        const broker = await givenBroker({ name: "q", exchange: { name: "x", type: "direct" } });
        await expect(broker.declare({ name: "r", exchange: { name: "x", type: "topic" } })).rejects.toThrow(/type/);
      });

      test("that is refused leaves nothing behind", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        await declareAll(one, [{ name: "q", exchange: { name: "x", type: "direct" } }]);
        const refused = one.declare({ name: "phantom", exchange: { name: "x", type: "topic" } });
        await expect(refused).rejects.toThrow(BrokerError);

        await declareAll(other, ["r"]);
        expect(await one.queues.list()).toEqual(inspection.queues === "all" ? ["q", "r"] : ["q"]);
        await expect(send(one, "phantom", "lost")).rejects.toThrow(UnroutableError);
        await send(one, "r", "found");
        expect(await waiting(other, "r")).toEqual(["found"]);
      });

      test("comes before binding them", async () => {
        const broker = await givenBroker();
        await expect(broker.bind("nowhere", DIRECT, "a")).rejects.toThrow(/nowhere/);
      });

      test("may be followed by bindings to exchanges of the same type only", async () => {
        const broker = await givenBroker({ name: "q", exchange: { name: "x", type: "direct" } });
        await expect(broker.bind("q", { name: "x", type: "fanout" }, "a")).rejects.toThrow(/type/);
      });

      test("binds the queue to its exchange under its own name unless told otherwise", async () => {
        const exchange = { name: "x", type: "direct" } as const;
        const broker = await givenBroker({ name: "own", exchange }, { name: "other", exchange, routingKey: "key" });
        await broker.publish(textMessage("1"), { exchange: "x", routingKey: "own" });
        await broker.publish(textMessage("2"), { exchange: "x", routingKey: "key" });
        expect(await waiting(broker, "own")).toEqual(["1"]);
        expect(await waiting(broker, "other")).toEqual(["2"]);
      });

      test("is seen by other connections", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        await declareAll(one, ["q"]);
        await send(other, "q", "over there");
        expect(await waiting(one, "q")).toEqual(["over there"]);
      });
    });

    describe("routing", () => {
      test("the anonymous exchange takes a message to the queue of that name", async () => {
        const broker = await givenBroker("q", "r");
        await send(broker, "q", "to q");
        expect(await waiting(broker, "q")).toEqual(["to q"]);
        expect(await waiting(broker, "r")).toEqual([]);
      });

      test("a direct exchange compares routing keys", async () => {
        const broker = await givenBroker("q", "r");
        await bindAll(broker, DIRECT, [
          ["q", "a"],
          ["r", "a"],
          ["r", "b"],
        ]);
        await broker.publish(textMessage("both"), { exchange: "direct", routingKey: "a" });
        await broker.publish(textMessage("one"), { exchange: "direct", routingKey: "b" });
        expect(await waiting(broker, "q")).toEqual(["both"]);
        expect(await waiting(broker, "r")).toEqual(["both", "one"]);
      });

      test("a topic exchange matches patterns of words", async () => {
        const broker = await givenBroker("star", "hash", "all");
        await bindAll(broker, TOPIC, [
          ["star", "order.*.paid"],
          ["hash", "order.#"],
          ["all", "#"],
        ]);
        const keys = ["order.7.paid", "order.7.8.paid", "order", "invoice.7.paid", "orders.7.paid"];
        for (const routingKey of keys) await broker.publish(textMessage(routingKey), { exchange: "topic", routingKey });
        expect(await waiting(broker, "star")).toEqual(["order.7.paid"]);
        expect(await waiting(broker, "hash")).toEqual(["order.7.paid", "order.7.8.paid", "order"]);
        expect(await waiting(broker, "all")).toEqual(keys);
      });

      test("a fanout exchange copies to all its queues, whatever the key", async () => {
        const broker = await givenBroker("q", "r", "s");
        await bindAll(broker, FANOUT, [
          ["q", ""],
          ["r", "x"],
        ]);
        await broker.publish(textMessage("news"), { exchange: "fanout", routingKey: "anything" });
        expect(await waiting(broker, "q")).toEqual(["news"]);
        expect(await waiting(broker, "r")).toEqual(["news"]);
        expect(await waiting(broker, "s")).toEqual([]);
      });

      test("a queue gets one copy, however many of its bindings match", async () => {
        const broker = await givenBroker("q");
        await bindAll(broker, TOPIC, [
          ["q", "a.*"],
          ["q", "a.#"],
          ["q", "a.b"],
          ["q", "a.b"],
        ]);
        await broker.publish(textMessage("once"), { exchange: "topic", routingKey: "a.b" });
        expect(await waiting(broker, "q")).toEqual(["once"]);
      });

      test("copies are acknowledged each for itself", async () => {
        const broker = await givenBroker("q", "r");
        await bindAll(broker, FANOUT, [
          ["q", ""],
          ["r", ""],
        ]);
        await broker.publish(textMessage("news"), { exchange: "fanout", routingKey: "" });
        await (await (await consume(broker, ["q"])).inbox.next()).ack();
        expect(await waiting(broker, "r")).toEqual(["news"]);
      });

      test("ends for a binding that is taken away", async () => {
        const broker = await givenBroker("q");
        await bindAll(broker, DIRECT, [
          ["q", "a"],
          ["q", "b"],
        ]);
        await broker.unbind("q", "direct", "a");
        await broker.unbind("q", "direct", "a");
        await broker.unbind("q", "no such exchange", "a");
        await expect(broker.publish(textMessage("x"), { exchange: "direct", routingKey: "a" })).rejects.toThrow(
          UnroutableError,
        );
        await broker.publish(textMessage("y"), { exchange: "direct", routingKey: "b" });
        expect(await waiting(broker, "q")).toEqual(["y"]);
      });

      test.for([
        { what: "a queue", route: { exchange: "", routingKey: "nowhere" } },
        { what: "a binding", route: { exchange: "direct", routingKey: "nowhere" } },
        { what: "an exchange", route: { exchange: "nowhere", routingKey: "a" } },
      ])("a message for $what that does not exist is an error", async ({ route }) => {
        const broker = await givenBroker("q");
        await bindAll(broker, DIRECT, [["q", "a"]]);
        await expect(broker.publish(textMessage("lost"), route)).rejects.toThrow(UnroutableError);
        await expect(broker.publish(textMessage("lost"), route)).rejects.toThrow(/nowhere/);
      });

      test("a message that is not mandatory may route to no queue", async () => {
        const broker = await givenBroker("q");
        await broker.publish(textMessage("lost"), { exchange: "", routingKey: "nowhere", mandatory: false });
        await broker.publish(textMessage("kept"), { exchange: "", routingKey: "q", mandatory: false });
        expect(await waiting(broker, "q")).toEqual(["kept"]);
      });
    });

    describe("the message", () => {
      test("comes back exactly as it was published", async () => {
        const broker = await givenBroker("q");
        const { inbox } = await consume(broker, ["q"]);
        const json = fc
          .jsonValue({ noUnicodeString: false })
          .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
        const object = fc.dictionary(
          fc.string({ unit: "grapheme" }).filter((key) => key !== "__proto__"),
          json,
          { noNullPrototype: true },
        );
        const message = fc.record({
          headers: object,
          properties: object,
          body: fc.uint8Array({ maxLength: 300 }),
          contentType: fc.option(fc.string({ unit: "grapheme" })),
          contentEncoding: fc.option(fc.constantFrom("utf-8", "binary")),
        });
        await fc.assert(
          fc.asyncProperty(message, async (sent) => {
            await broker.publish(sent, { exchange: "", routingKey: "q" });
            const delivery = await inbox.next();
            expectSame(delivery.message, sent);
            await delivery.ack();
          }),
          { numRuns: 50, examples: [[LARGE_FRACTION]] },
        );
      });

      test("may have a body of a megabyte of any bytes", async () => {
        const broker = await givenBroker("q");
        const body = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
        await broker.publish(textMessage("", { body }), { exchange: "", routingKey: "q" });
        const { message } = await (await consume(broker, ["q"])).inbox.next();
        expect(Buffer.from(message.body).equals(body)).toBe(true);
      });

      test("is stored as it was when it was published", async () => {
        const broker = await givenBroker("q");
        const body = new TextEncoder().encode("before");
        const published = broker.publish(textMessage("", { body }), { exchange: "", routingKey: "q" });
        await published;
        body.fill(0);
        expect(await waiting(broker, "q")).toEqual(["before"]);
      });

      test("is delivered with its queue, exchange and routing key", async () => {
        const broker = await givenBroker("q");
        await bindAll(broker, TOPIC, [["q", "a.#"]]);
        await broker.publish(textMessage("x"), { exchange: "topic", routingKey: "a.b" });
        const delivery = await (await consume(broker, ["q"])).inbox.next();
        expect(delivery).toMatchObject({ queue: "q", exchange: "topic", routingKey: "a.b", deliveries: 1 });
      });
    });

    describe("order", () => {
      test("is that of publication", async () => {
        const broker = await givenBroker("q");
        const texts = numbers(200);
        await sendAll(broker, "q", texts);
        const { inbox } = await consume(broker, ["q"], 7);
        for (let left = texts.length; left > 0; left--) await (await inbox.next()).ack();
        expect(inbox.texts).toEqual(texts);
      });

      test("puts the most urgent first, 9 before 0", without("no priorities", !capabilities.priorities), async () => {
        const broker = await givenBroker({ name: "q", maxPriority: 9 });
        for (const priority of [0, 5, 9, 2, undefined, 5, 9]) await sendUrgent(broker, "q", priority);
        expect(await drain(broker, "q", 7)).toEqual(["9", "9", "5", "5", "2", "0", "none"]);
      });

      test(
        "tells all ten priorities apart",
        without("fewer levels of priority", !capabilities.priorities || capabilities.priorityLevels !== undefined),
        async () => {
          const broker = await givenBroker({ name: "q", maxPriority: 9 });
          const priorities = [4, 0, 8, 1, 9, 3, 7, 2, 6, 5];
          for (const priority of priorities) await sendUrgent(broker, "q", priority);
          expect(await drain(broker, "q", 10)).toEqual(priorities.toSorted((a, b) => b - a).map(String));
        },
      );

      test(
        "takes priorities above the queue's maximum as that",
        without("no priorities", !capabilities.priorities),
        async () => {
          const broker = await givenBroker({ name: "q", maxPriority: 5 });
          for (const priority of [3, 6, 5, 9]) await sendUrgent(broker, "q", priority);
          expect(await drain(broker, "q", 4)).toEqual(["6", "5", "9", "3"]);
        },
      );

      test("ignores priorities on queues without them", async () => {
        const broker = await givenBroker("q");
        for (const priority of [1, 9, 5]) await sendUrgent(broker, "q", priority);
        expect(await drain(broker, "q", 3)).toEqual(["1", "9", "5"]);
      });
    });

    describe("an ETA", () => {
      test("keeps the message in the broker until it is due, and no longer", async () => {
        const broker = await givenBroker("q");
        const { inbox } = await consume(broker, ["q"]);
        const eta = inMs(250);
        await broker.publish(textMessage("later"), { exchange: "", routingKey: "q", eta });
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 0, scheduled: 1, unacked: 0 }));

        const delivery = await inbox.next();

        expect(Date.now()).toBeGreaterThanOrEqual(eta.getTime());
        expect(delivery.deliveries).toBe(1);
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 0, scheduled: 0, unacked: 1 }));
      });

      test("in the past is now", async () => {
        const broker = await givenBroker("q");
        await broker.publish(textMessage("at once"), { exchange: "", routingKey: "q", eta: new Date(0) });
        expect(await broker.queues.counts("q")).toMatchObject({ ready: 1, scheduled: 0 });
        await (await consume(broker, ["q"])).inbox.next();
      });

      test("orders messages by their instants, not by their publication", async () => {
        const broker = await givenBroker("q");
        const start = Date.now();
        const unitMs = etaStep === 0 ? 100 : etaStep * 1000;
        for (const units of [4, 2, 3]) {
          const eta = new Date(start + units * unitMs);
          await broker.publish(textMessage(String(units)), { exchange: "", routingKey: "q", eta });
        }
        await send(broker, "q", "now");
        const { inbox } = await consume(broker, ["q"]);
        await inbox.holds(4);
        expect(inbox.texts).toEqual(["now", "2", "3", "4"]);
      });

      test("that passes while nobody consumes makes the message ready", async () => {
        const broker = await givenBroker("q");
        await broker.publish(textMessage("due"), { exchange: "", routingKey: "q", eta: inMs(30) });
        await vi.waitFor(async () => {
          expect(await broker.queues.counts("q")).toMatchObject({ ready: 1, scheduled: 0 });
        }, DUE_MS);
        expect(decodeText((await (await consume(broker, ["q"])).inbox.next()).message)).toBe("due");
      });

      test("does not hold up the messages behind it", async () => {
        const broker = await givenBroker("q");
        await broker.publish(textMessage("tomorrow"), { exchange: "", routingKey: "q", eta: inMs(86_400_000) });
        await send(broker, "q", "now");
        const { inbox } = await consume(broker, ["q"], 1);
        expect(decodeText((await inbox.next()).message)).toBe("now");
      });

      test("may be further away than a timer can reach", async () => {
        const broker = await givenBroker("q");
        const { inbox } = await consume(broker, ["q"]);
        await broker.publish(textMessage("in a year"), { exchange: "", routingKey: "q", eta: inMs(365 * 86_400_000) });
        await quiet();
        expect(inbox.texts).toEqual([]);
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 0, scheduled: 1 }));
      });

      test("counts with the priority when it is due", without("no priorities", !capabilities.priorities), async () => {
        const broker = await givenBroker({ name: "q", maxPriority: 9 });
        const eta = inMs(30);
        await broker.publish(textMessage("urgent"), { exchange: "", routingKey: "q", eta, priority: 9 });
        await send(broker, "q", "plain");
        await vi.waitFor(async () => expect(await broker.queues.counts("q")).toMatchObject({ ready: 2 }), DUE_MS);
        expect(await drain(broker, "q", 2)).toEqual(["urgent", "plain"]);
      });
    });

    describe("a consumer", () => {
      test("gets what is published while it waits", async () => {
        const broker = await givenBroker("q");
        const { inbox } = await consume(broker, ["q"]);
        await quiet();
        await send(broker, "q", "fresh");
        expect(decodeText((await inbox.next()).message)).toBe("fresh");
      });

      test("of a queue that is not declared is refused", async () => {
        const broker = await givenBroker();
        await expect(consume(broker, ["nowhere"])).rejects.toThrow(BrokerError);
        await expect(consume(broker, ["nowhere"])).rejects.toThrow(/nowhere/);
      });

      test("holds at most its prefetch over all its queues", async () => {
        const broker = await givenBroker("q", "r");
        await sendAll(broker, "q", numbers(5));
        await sendAll(broker, "r", numbers(5));
        const { inbox } = await consume(broker, ["q", "r"], 4);
        const held = await inbox.take(4);
        await quiet();
        expect(inbox.deliveries).toHaveLength(4);
        if (inspection.held) expect(await unackedOf(broker, "q", "r")).toBe(4);
        else expect(await readyIn(broker, "q", "r")).toBe(6);

        await held[0]?.ack();
        await inbox.holds(5);
        await quiet();
        expect(inbox.deliveries).toHaveLength(5);
      });

      test("takes from all its queues, however full one is", async () => {
        const broker = await givenBroker("full", "other");
        await sendAll(broker, "full", numbers(50));
        await sendAll(broker, "other", ["here"]);
        const { inbox } = await consume(broker, ["full", "other"], 1);
        for (let left = 51; left > 0; left--) await (await inbox.next()).ack();
        expect(inbox.deliveries.findIndex(({ queue }) => queue === "other")).toBeLessThan(10);
      });

      test("with prefetch 0 holds all there is", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", numbers(1200));
        const { inbox } = await consume(broker, ["q"], 0);
        await inbox.holds(1200);
        expect(inbox.texts).toEqual(numbers(1200));
      });

      test("may change its prefetch: what it holds stays held", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", numbers(6));
        const { inbox, consumer } = await consume(broker, ["q"], 1);
        await inbox.holds(1);

        await consumer.setPrefetch(3);
        await inbox.holds(3);
        await consumer.setPrefetch(1);
        const held = await inbox.take(3);
        await held[0]?.ack();
        await held[1]?.ack();
        await quiet();
        expect(inbox.deliveries).toHaveLength(3);

        await held[2]?.ack();
        await inbox.holds(4);
        await consumer.setPrefetch(0);
        await inbox.holds(6);
      });

      test("goes on after its receiver throws", async () => {
        const broker = await givenBroker("q");
        const inbox = new Inbox();
        await broker.consume(["q"], { prefetch: 0 }, (delivery) => {
          inbox.accept(delivery);
          if (decodeText(delivery.message) === "bad") throw new Error("thrown by the receiver");
        });
        await sendAll(broker, "q", ["bad", "good"]);
        await inbox.holds(2);
        expect(inbox.texts).toEqual(["bad", "good"]);
      });

      test("gets nothing more once it is cancelled, and can acknowledge what it holds", async () => {
        const broker = await givenBroker("q");
        const { inbox, consumer } = await consume(broker, ["q"], 0);
        await send(broker, "q", "held");
        const held = await inbox.next();

        await consumer.cancel();
        await consumer.cancel();
        await send(broker, "q", "not taken");
        await quiet();
        expect(inbox.texts).toEqual(["held"]);
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 1, unacked: 1 }));

        await held.ack();
        expect(await broker.queues.counts("q")).toMatchObject({ ready: 1, unacked: 0 });
      });

      test("has no trouble while it consumes, and says so when it does no longer", async () => {
        const broker = await givenBroker("q");
        const { inbox, consumer } = await consume(broker, ["q"], 1);
        expect(consumer.trouble).toBeUndefined();
        await send(broker, "q", "taken");
        await (await inbox.next()).ack();
        expect(consumer.trouble).toBeUndefined();
        await consumer.cancel();
        expect(consumer.trouble).toBe("its consumer was cancelled");
      });

      test("competes with others: each message goes to one of them", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        await declareAll(one, ["q"]);
        const inboxes = [await consumeAndAck(one, "q"), await consumeAndAck(one, "q"), await consumeAndAck(other, "q")];
        await sendAll(other, "q", numbers(300));
        await vi.waitFor(async () => expect(await remaining(one, "q")).toBe(0), 5000);
        const all = inboxes.flatMap((inbox) => inbox.texts);
        expect(all.toSorted(byNumber)).toEqual(numbers(300));
      });
    });

    describe("a delivery", () => {
      test("that is acknowledged is gone", async () => {
        const broker = await givenBroker("q");
        await send(broker, "q", "done");
        await (await (await consume(broker, ["q"])).inbox.next()).ack();
        expect(await remaining(broker, "q")).toBe(0);
      });

      test("that is rejected is dropped", async () => {
        const broker = await givenBroker("q");
        await send(broker, "q", "unwanted");
        const { inbox } = await consume(broker, ["q"]);
        await (await inbox.next()).reject({ requeue: false });
        expect(await remaining(broker, "q")).toBe(0);
        expect(inbox.deliveries).toHaveLength(1);
      });

      test("that is requeued goes to the head of its queue, and is counted", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", ["a", "b", "c"]);
        const { inbox } = await consume(broker, ["q"], 1);
        await (await inbox.next()).reject({ requeue: true });
        const again = await inbox.next();
        expect(decodeText(again.message)).toBe("a");
        expect(again.deliveries).toBe(timesDelivered(2));
        await again.ack();
        expect(decodeText((await inbox.next()).message)).toBe("b");
      });

      test("that is requeued after others keeps ahead of what came after it", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", ["a", "b", "c", "d"]);
        const { inbox, consumer } = await consume(broker, ["q"], 3);
        const [a, b, c] = await inbox.take(3);
        await consumer.cancel();
        await a?.reject({ requeue: true });
        await c?.reject({ requeue: true });
        await b?.reject({ requeue: true });
        expect((await waiting(broker, "q")).toSorted()).toEqual(["a", "b", "c", "d"]);
        expect((await waiting(broker, "q")).at(-1)).toBe("d");
      });

      test("keeps its priority when it is requeued", without("no priorities", !capabilities.priorities), async () => {
        const broker = await givenBroker({ name: "q", maxPriority: 9 });
        for (const priority of [9, 2]) await sendUrgent(broker, "q", priority);
        const { inbox, consumer } = await consume(broker, ["q"], 2);
        const [, low] = await inbox.take(2);
        await consumer.cancel();
        await sendUrgent(broker, "q", 5);
        await low?.reject({ requeue: true });
        expect(await waiting(broker, "q")).toEqual(["5", "2"]);
      });

      test("has a token greater than that of every earlier one", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        await declareAll(one, ["q", "r"]);
        await sendAll(one, "q", numbers(10));
        await sendAll(one, "r", numbers(10));
        const tokens: (number | undefined)[] = [];
        const take = (delivery: Delivery): void => {
          tokens.push(delivery.token);
          void delivery.ack();
        };
        await one.consume(["q", "r"], { prefetch: 4 }, take);
        await vi.waitFor(() => expect(tokens).toHaveLength(20));
        await other.consume(["q"], { prefetch: 4 }, take);
        await send(one, "r", "by the first");
        await vi.waitFor(() => expect(tokens).toHaveLength(21));
        if (capabilities.fencing) expect(isStrictlyGrowing(tokens)).toBe(true);
        else expect(new Set(tokens)).toEqual(new Set([undefined]));
      });

      test("counts the beginnings of work beyond the life of its holder", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        await declareAll(one, ["q"]);
        await send(one, "q", "x");
        const first = await (await consume(one, ["q"])).inbox.next();
        expect(await first.begin()).toBe(1);
        await one.close();

        const second = await (await consume(other, ["q"])).inbox.next();
        expect(await second.begin()).toBe(2);
        await second.reject({ requeue: true });
        expect(second.deliveries).toBe(2);
      });

      test("does not take being held for being worked on", async () => {
        const broker = await givenBroker("q");
        await send(broker, "q", "x");
        const { inbox } = await consume(broker, ["q"], 1);
        for (let time = 0; time < 3; time++) await (await inbox.next()).reject({ requeue: true });
        const fourth = await inbox.next();
        expect(fourth.deliveries).toBe(timesDelivered(4));
        expect(await fourth.begin()).toBe(1);
      });
    });

    describe("a holder that dies", () => {
      test("loses its messages to another within its lease, and the delivery is counted", async () => {
        const { connect, abandon } = await given();
        const dying = await connect(SHORT_LEASE);
        const living = await connect(SHORT_LEASE);
        await declareAll(dying, ["q"]);
        await sendAll(dying, "q", ["a", "b"]);
        await (await consume(dying, ["q"])).inbox.take(2);
        const { inbox } = await consume(living, ["q"]);

        await abandon(dying);

        const [a, b] = await inbox.take(2);
        expect(inbox.texts).toEqual(["a", "b"]);
        expect(a?.deliveries).toBe(2);
        await a?.ack();
        await b?.ack();
        expect(await remaining(living, "q")).toBe(0);
      });

      test("leaves its messages to whoever comes later", async () => {
        const { connect, abandon } = await given();
        const dying = await connect(SHORT_LEASE);
        await declareAll(dying, ["q"]);
        await send(dying, "q", "orphan");
        await (await consume(dying, ["q"])).inbox.next();
        await abandon(dying);
        const living = await connect(SHORT_LEASE);
        expect((await (await consume(living, ["q"])).inbox.next()).deliveries).toBe(2);
      });
    });

    describe("a lease", without("the connection itself is the hold", !capabilities.leases), () => {
      /** A message held by a first holder that let its lease pass, and now by a second. */
      async function givenLostLease(): Promise<{ stale: Delivery; current: Delivery; broker: Broker }> {
        const { connect } = await given();
        const first = await connect(SHORT_LEASE);
        const second = await connect(LONG_LEASE);
        await declareAll(first, ["q"]);
        await send(first, "q", "x");
        const consuming = await consume(first, ["q"], 1);
        const stale = await consuming.inbox.next();
        await consuming.consumer.cancel();
        const current = await (await consume(second, ["q"])).inbox.next();
        return { stale, current, broker: second };
      }

      test("is not ended before its time", async () => {
        const { connect } = await given();
        const first = await connect(SHORT_LEASE);
        const second = await connect(SHORT_LEASE);
        await declareAll(first, ["q"]);
        await send(first, "q", "x");
        const beforeMs = Date.now();
        const consuming = await consume(first, ["q"], 1);
        await consuming.inbox.next();
        await consuming.consumer.cancel();
        await (await consume(second, ["q"])).inbox.next();
        // Timers and the wall clock may differ by a millisecond or two.
        expect(Date.now() - beforeMs).toBeGreaterThanOrEqual(SHORT_LEASE * 1000 - 5);
      });

      test.for([
        { change: "ack", late: (stale: Delivery) => stale.ack() },
        { change: "reject", late: (stale: Delivery) => stale.reject({ requeue: false }) },
        { change: "requeue", late: (stale: Delivery) => stale.reject({ requeue: true }) },
        { change: "extend", late: (stale: Delivery) => stale.extend(LONG_LEASE) },
        { change: "begin", late: (stale: Delivery) => stale.begin() },
      ])("once lost, a late $change is refused and changes nothing", async ({ late }) => {
        const { stale, current, broker } = await givenLostLease();
        await expect(late(stale)).rejects.toThrow(LeaseLostError);
        expect(await broker.queues.counts("q")).toMatchObject({ ready: 0, unacked: 1 });
        expect(await current.begin()).toBe(1);
        await current.ack();
        expect(await remaining(broker, "q")).toBe(0);
      });

      test("lost after the message was done by another stays lost", async () => {
        const { stale, current } = await givenLostLease();
        await current.ack();
        await expect(stale.ack()).rejects.toThrow(LeaseLostError);
      });

      test("gives the later holder the greater token", async () => {
        const { stale, current } = await givenLostLease();
        expect(current.token).toBeGreaterThan(Number(stale.token));
      });

      test("that is extended keeps the message for as long as it is", async () => {
        const { connect } = await given();
        const holder = await connect(SHORT_LEASE);
        const rival = await connect(SHORT_LEASE);
        await declareAll(holder, ["q"]);
        await send(holder, "q", "long work");
        const consuming = await consume(holder, ["q"], 1);
        const held = await consuming.inbox.next();
        const { inbox } = await consume(rival, ["q"]);
        for (let turn = 0; turn < 8; turn++) {
          await held.extend(SHORT_LEASE);
          await new Promise((later) => setTimeout(later, SHORT_LEASE * 250));
        }
        expect(inbox.deliveries).toHaveLength(0);
        await held.ack();
        expect(await remaining(holder, "q")).toBe(0);
      });

      test("can be extended to less than is left of it", async () => {
        const { connect } = await given();
        const holder = await connect(LONG_LEASE);
        const rival = await connect(LONG_LEASE);
        await declareAll(holder, ["q"]);
        await send(holder, "q", "x");
        const consuming = await consume(holder, ["q"], 1);
        const held = await consuming.inbox.next();
        await consuming.consumer.cancel();
        const { inbox } = await consume(rival, ["q"]);
        await held.extend(0.1);
        expect((await inbox.next()).deliveries).toBe(2);
      });
    });

    describe("where holding needs no lease", without("holding needs a lease", capabilities.leases), () => {
      test("extending is a no-op", async () => {
        const broker = await givenBroker("q");
        await send(broker, "q", "x");
        const delivery = await (await consume(broker, ["q"])).inbox.next();
        await delivery.extend(1);
        await delivery.ack();
      });
    });

    describe("inspecting queues", () => {
      test("lists queues by name", async () => {
        const broker = await givenBroker("zebra", "apple", "mango");
        expect(await broker.queues.list()).toEqual(["apple", "mango", "zebra"]);
      });

      test("tells how a queue is defined, and what is bound to it", async () => {
        const broker = await givenBroker({ name: "q", exchange: { name: "own", type: "direct" }, routingKey: "key" });
        await declareAll(broker, ["other"]);
        await broker.bind("q", { name: "news", type: "topic" }, "sport.*");
        await broker.bind("q", { name: "alerts", type: "fanout" }, "");
        await broker.bind("other", { name: "news", type: "topic" }, "#");
        expect((await broker.queues.definition("q"))?.bindings).toEqual([
          { exchange: "alerts", exchangeType: "fanout", routingKey: "", arguments: {} },
          { exchange: "news", exchangeType: "topic", routingKey: "sport.*", arguments: {} },
          { exchange: "own", exchangeType: "direct", routingKey: "key", arguments: {} },
        ]);
        await broker.unbind("q", "news", "sport.*");
        const left = (await broker.queues.definition("q"))?.bindings.map(({ exchange }) => exchange);
        expect(left).toEqual(["alerts", "own"]);
        expect(await broker.queues.definition("nowhere")).toBeUndefined();
      });

      test("tells a queue's highest priority", without("has no priorities", !capabilities.priorities), async () => {
        const broker = await givenBroker({ name: "q", maxPriority: 5 }, "plain");
        expect((await broker.queues.definition("q"))?.settings.max_priority).toBe(5);
        expect((await broker.queues.definition("plain"))?.settings.max_priority).toBeNull();
      });

      test("counts ready, held and scheduled messages", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", numbers(5));
        await broker.publish(textMessage("later"), { exchange: "", routingKey: "q", eta: inMs(60_000) });
        await (await consume(broker, ["q"], 2)).inbox.take(2);
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 3, unacked: 2, scheduled: 1 }));
      });

      test("knows nothing of a queue that does not exist", async () => {
        const broker = await givenBroker();
        expect(await broker.queues.counts("nowhere")).toBeUndefined();
        expect(await broker.queues.purge("nowhere")).toBe(0);
        expect(await broker.queues.peek("nowhere", { limit: 5 })).toEqual([]);
        expect(await broker.queues.take("nowhere", ["1"])).toEqual([]);
      });

      test(
        "tells since when the longest-waiting message has been ready",
        without("cannot tell", !capabilities.oldestMessage),
        async () => {
          const broker = await givenBroker("q");
          expect((await broker.queues.counts("q"))?.oldest).toBeUndefined();
          const before = Date.now();
          await send(broker, "q", "first");
          const between = Date.now();
          await new Promise((later) => setTimeout(later, 20));
          await send(broker, "q", "second");
          const oldest = (await broker.queues.counts("q"))?.oldest?.getTime();
          expect(oldest).toBeGreaterThanOrEqual(before);
          expect(oldest).toBeLessThanOrEqual(between);
        },
      );

      test("counts consumers while they consume", async () => {
        const broker = await givenBroker("q");
        const count = async (): Promise<number | undefined> => (await broker.queues.counts("q"))?.consumers;
        if ((await count()) === undefined) return;
        const { consumer } = await consume(broker, ["q"]);
        await vi.waitFor(async () => expect(await count()).toBe(1));
        await consumer.cancel();
        await vi.waitFor(async () => expect(await count()).toBe(0));
      });

      test("peeks from the head: ready messages, then scheduled, then held ones, and leaves them there", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", ["held", "first", "second"]);
        await (await consume(broker, ["q"], 1)).inbox.next();
        const eta = inMs(60_000);
        await broker.publish(textMessage("later"), { exchange: "", routingKey: "q", eta });
        const peeked = await broker.queues.peek("q", { limit: 10 });
        const all = [
          { text: "first", state: "ready", queue: "q", deliveries: 0 },
          { text: "second", state: "ready", queue: "q", deliveries: 0 },
          { text: "later", state: "scheduled", queue: "q", deliveries: 0 },
          { text: "held", state: "unacked", queue: "q", deliveries: 1 },
        ];
        const seen = { ready: true, scheduled: inspection.scheduled, unacked: inspection.held };
        const expected = all.filter(({ state }) => Reflect.get(seen, state) === true);
        expect(
          peeked.map(({ message, state, queue, deliveries }) => ({
            text: decodeText(message),
            state,
            queue,
            deliveries,
          })),
        ).toEqual(expected);
        expect(peeked.find(({ state }) => state === "scheduled")?.eta).toEqual(inspection.scheduled ? eta : undefined);
        expect(peeked[0]?.eta).toBeUndefined();
        expect(new Set(peeked.map(({ key }) => key)).size).toBe(expected.length);
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 2, unacked: 1, scheduled: 1 }));
      });

      test("peeks by pages", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", numbers(10));
        const page = async (offset: number): Promise<string[]> =>
          (await broker.queues.peek("q", { limit: 4, offset })).map(({ message }) => decodeText(message));
        expect(await page(0)).toEqual(["0", "1", "2", "3"]);
        expect(await page(4)).toEqual(["4", "5", "6", "7"]);
        expect(await page(8)).toEqual(["8", "9"]);
        expect(await page(20)).toEqual([]);
      });

      test("peeks in the order of urgency", without("no priorities", !capabilities.priorities), async () => {
        const broker = await givenBroker({ name: "q", maxPriority: 9 });
        for (const priority of [1, 9, 5]) await sendUrgent(broker, "q", priority);
        expect(await waiting(broker, "q")).toEqual(["9", "5", "1"]);
      });

      test("takes messages out of turn, as deliveries", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", ["a", "b", "c"]);
        const keys = await keysOf(broker, "q");

        const taken = await broker.queues.take("q", [keys.get("c") ?? ""]);

        expect(taken.map(({ message, queue }) => ({ text: decodeText(message), queue }))).toEqual([
          { text: "c", queue: "q" },
        ]);
        // Looking may have counted as a delivery.
        expect(taken[0]?.deliveries).toBe(capabilities.peek === "clean" ? 1 : timesDelivered(2));
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 2, unacked: 1 }));
        await taken[0]?.reject({ requeue: true });
        expect((await waiting(broker, "q")).toSorted()).toEqual(["a", "b", "c"]);
        const again = await broker.queues.take("q", [...(await keysOf(broker, "q")).values()]);
        await Promise.all(again.map((delivery) => delivery.ack()));
        expect(await remaining(broker, "q")).toBe(0);
      });

      test("tells equal messages apart", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", ["same", "same", "same"]);
        const peeked = await broker.queues.peek("q", { limit: 10 });
        expect(new Set(peeked.map(({ key }) => key)).size).toBe(3);
        const taken = await broker.queues.take("q", [peeked[1]?.key ?? ""]);
        await Promise.all(taken.map((delivery) => delivery.ack()));
        expect(await remaining(broker, "q")).toBe(2);
      });

      test(
        "takes scheduled messages out before their time",
        without("does not see them", !inspection.scheduled),
        async () => {
          const broker = await givenBroker("q");
          await send(broker, "q", "ready");
          await broker.publish(textMessage("later"), { exchange: "", routingKey: "q", eta: inMs(60_000) });
          const keys = await keysOf(broker, "q");
          const taken = await broker.queues.take("q", [keys.get("later") ?? ""]);
          expect(taken.map(({ message }) => decodeText(message))).toEqual(["later"]);
          expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 1, unacked: 1, scheduled: 0 }));
          await taken[0]?.reject({ requeue: true });
          expect((await waiting(broker, "q")).toSorted()).toEqual(["later", "ready"]);
        },
      );

      test("leaves out messages that are gone or held when it takes", async () => {
        const broker = await givenBroker("q");
        await sendAll(broker, "q", ["gone", "held", "free"]);
        const keys = await keysOf(broker, "q");
        const { inbox, consumer } = await consume(broker, ["q"], 2);
        const [gone] = await inbox.take(2);
        await consumer.cancel();
        await gone?.ack();
        const taken = await broker.queues.take("q", [...keys.values(), "no such key", ""]);
        expect(taken.map(({ message }) => decodeText(message))).toEqual(["free"]);
      });

      test("purges ready and scheduled messages, and says how many", async () => {
        const broker = await givenBroker("q", "other");
        await sendAll(broker, "q", numbers(5));
        await send(broker, "other", "stays");
        await broker.publish(textMessage("stays too"), { exchange: "", routingKey: "other", eta: inMs(60_000) });
        await broker.publish(textMessage("later"), { exchange: "", routingKey: "q", eta: inMs(60_000) });
        const held = await (await consume(broker, ["q"], 1)).inbox.next();
        expect(await broker.queues.purge("q")).toBe(inspection.scheduled ? 5 : 4);
        expect(await broker.queues.counts("q")).toMatchObject(counted({ ready: 0, unacked: 1, scheduled: 0 }));
        await held.ack();
        expect(await broker.queues.counts("other")).toMatchObject(counted({ ready: 1, scheduled: 1 }));
      });

      test("deletes what is held too: its holder has lost it", async () => {
        const broker = await givenBroker("q");
        await send(broker, "q", "x");
        const held = await (await consume(broker, ["q"])).inbox.next();
        await broker.queues.delete("q");
        await expect(held.ack()).rejects.toThrow(LeaseLostError);
      });

      test("a queue that is deleted and declared again starts empty", async () => {
        const broker = await givenBroker({ name: "q", exchange: DIRECT });
        await sendAll(broker, "q", ["old", "old"]);
        await broker.queues.delete("q");
        await broker.declare({ name: "q" });
        await send(broker, "q", "new");
        expect(await waiting(broker, "q")).toEqual(["new"]);
      });

      test("deletes a queue with its messages and bindings", async () => {
        const broker = await givenBroker("q", "r");
        await bindAll(broker, FANOUT, [
          ["q", ""],
          ["r", ""],
        ]);
        await broker.publish(textMessage("copy"), { exchange: "fanout", routingKey: "" });
        await broker.queues.delete("q");
        await broker.queues.delete("q");
        expect(await broker.queues.list()).toEqual(["r"]);
        expect(await broker.queues.counts("q")).toBeUndefined();
        await expect(send(broker, "q", "lost")).rejects.toThrow(UnroutableError);

        await broker.declare({ name: "q" });
        await broker.publish(textMessage("second"), { exchange: "fanout", routingKey: "" });
        expect(await waiting(broker, "q")).toEqual([]);
        expect(await waiting(broker, "r")).toEqual(["copy", "second"]);
      });
    });

    describe("broadcasts", () => {
      test("reach listeners whose pattern matches the routing key", async () => {
        const broker = await givenBroker();
        const tasks = await listen(broker, "events", "task.*");
        const all = await listen(broker, "events", "#");
        for (const key of ["task.started", "worker.heartbeat", "task.a.b", "end"]) {
          await broker.broadcast.publish("events", key, textMessage(key));
        }
        await all.holds(4);
        expect(all.texts).toEqual(["task.started", "worker.heartbeat", "task.a.b", "end"]);
        await tasks.holds(1);
        expect(tasks.texts).toEqual(["task.started"]);
        expect(tasks.keys).toEqual(["task.started"]);
      });

      test("carry the whole message", async () => {
        const broker = await givenBroker();
        const heard = await listen(broker, "events", "#");
        const sent = textMessage("ünï 😀", {
          headers: { hostname: "w@h", n: [1, null] },
          properties: { delivery_mode: 1 },
        });
        await broker.broadcast.publish("events", "k", sent);
        await heard.holds(1);
        const [message] = heard.messages;
        if (message) expectSame(message, sent);
      });

      test("to control reach all its listeners", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        const heard = [
          await listen(one, "control", ""),
          await listen(one, "control", ""),
          await listen(other, "control", ""),
        ];
        await other.broadcast.publish("control", "", textMessage("ping"));
        for (const each of heard) {
          await each.holds(1);
          expect(each.texts).toEqual(["ping"]);
        }
      });

      test("as replies reach the one who listens to that key", async () => {
        const { connect } = await given();
        const one = await connect();
        const other = await connect();
        const mine = await listen(one, "replies", "mine.#");
        const theirs = await listen(other, "replies", "theirs");
        await other.broadcast.publish("replies", "mine.#", textMessage("1"));
        await other.broadcast.publish("replies", "mine.x", textMessage("not a pattern"));
        await one.broadcast.publish("replies", "theirs", textMessage("2"));
        await one.broadcast.publish("replies", "mine.#", textMessage("3"));
        await mine.holds(2);
        await theirs.holds(1);
        expect(mine.texts).toEqual(["1", "3"]);
        expect(theirs.texts).toEqual(["2"]);
      });

      test("stay on their channel", async () => {
        const broker = await givenBroker();
        const events = await listen(broker, "events", "#");
        const replies = await listen(broker, "replies", "k");
        await broker.broadcast.publish("control", "k", textMessage("control"));
        await broker.broadcast.publish("replies", "k", textMessage("reply"));
        await broker.broadcast.publish("events", "k", textMessage("event"));
        await events.holds(1);
        await replies.holds(1);
        expect(events.texts).toEqual(["event"]);
        expect(replies.texts).toEqual(["reply"]);
      });

      test("arrive in the order their sender sent them", async () => {
        const { connect } = await given();
        const sender = await connect();
        const heard = await listen(await connect(), "events", "#");
        await Promise.all(numbers(300).map((text) => sender.broadcast.publish("events", "k", textMessage(text))));
        await heard.holds(300);
        expect(heard.texts).toEqual(numbers(300));
      });

      test("are not kept for those who come later", async () => {
        const { connect } = await given();
        const one = await connect();
        await listen(one, "events", "#");
        await one.broadcast.publish("events", "k", textMessage("early"));
        const late = await listen(await connect(), "events", "#");
        await one.broadcast.publish("events", "k", textMessage("on time"));
        await late.holds(1);
        expect(late.texts).toEqual(["on time"]);
      });

      test("may be heard by nobody", async () => {
        const broker = await givenBroker();
        await broker.broadcast.publish("events", "k", textMessage("x"));
        await broker.broadcast.publish("control", "", textMessage("x"));
        await broker.broadcast.publish("replies", "k", textMessage("x"));
      });

      test("end for a listener that cancels, and go on for the others", async () => {
        const broker = await givenBroker();
        const leaving = await listen(broker, "events", "#");
        const staying = await listen(broker, "events", "#");
        await broker.broadcast.publish("events", "k", textMessage("1"));
        await leaving.holds(1);
        await leaving.cancel();
        await leaving.cancel();
        await broker.broadcast.publish("events", "k", textMessage("2"));
        await staying.holds(2);
        expect(leaving.texts).toEqual(["1"]);
      });

      test("go on after a listener throws", async () => {
        const broker = await givenBroker();
        const inbox = new Listener();
        await broker.broadcast.subscribe("events", "#", (message, key) => {
          inbox.accept(message, key);
          throw new Error("thrown by the listener");
        });
        await broker.broadcast.publish("events", "k", textMessage("1"));
        await broker.broadcast.publish("events", "k", textMessage("2"));
        await inbox.holds(2);
      });
    });

    describe("with another process", without("one process only", !capabilities.shared), () => {
      async function givenPeer(leaseSeconds = LONG_LEASE): Promise<{ broker: Broker; peer: PeerProcess }> {
        const { fixture, connect } = await given();
        const broker = await connect(leaseSeconds);
        await declareAll(broker, ["q"]);
        return { broker, peer: await PeerProcess.start(fixture.url, leaseSeconds) };
      }

      test("messages go both ways", async () => {
        const { broker, peer } = await givenPeer();
        const { inbox } = await consume(broker, ["q"]);
        peer.tell({ kind: "publish", queue: "q", text: "from there" });
        expect(decodeText((await inbox.next()).message)).toBe("from there");

        await broker.declare({ name: "back" });
        peer.tell({ kind: "consume", queue: "back", prefetch: 1 });
        await peer.heard("consuming");
        await send(broker, "back", "from here");
        await peer.heard("consumed");
        expect(peer.texts("consumed")).toEqual(["from here"]);
      });

      test("each message goes to one of both", async () => {
        const { broker, peer } = await givenPeer();
        peer.tell({ kind: "consume", queue: "q", prefetch: 5 });
        await peer.heard("consuming");
        const here = await consumeAndAck(broker, "q");
        await sendAll(broker, "q", numbers(500));
        await vi.waitFor(
          () => expect(here.deliveries.length + peer.texts("consumed").length).toBeGreaterThanOrEqual(500),
          10_000,
        );
        expect([...here.texts, ...peer.texts("consumed")].toSorted(byNumber)).toEqual(numbers(500));
      });

      test("broadcasts are heard there", async () => {
        const { broker, peer } = await givenPeer();
        const heard = await listen(broker, "control", "");
        peer.tell({ kind: "broadcast", channel: "control", routingKey: "", text: "hello" });
        await heard.holds(1);
        expect(heard.texts).toEqual(["hello"]);
      });

      test("one that ends in order gives back what it holds at once", async () => {
        const { broker, peer } = await givenPeer();
        await send(broker, "q", "x");
        peer.tell({ kind: "hold", queue: "q", prefetch: 1 });
        await peer.heard("holding");
        const { inbox } = await consume(broker, ["q"]);
        await peer.close();
        expect((await inbox.next()).deliveries).toBe(2);
      });
    });
  });
}

interface Given {
  readonly fixture: BrokerFixture;
  /** A new, open connection; closed when the test is over. */
  connect(leaseSeconds?: number): Promise<Broker>;
  abandon(broker: Broker): Promise<void>;
}

const DIRECT: ExchangeSpec = { name: "direct", type: "direct" };
const TOPIC: ExchangeSpec = { name: "topic", type: "topic" };
const FANOUT: ExchangeSpec = { name: "fanout", type: "fanout" };

async function declareAll(broker: Broker, queues: readonly (string | QueueSpec)[]): Promise<void> {
  for (const queue of queues) await broker.declare(typeof queue === "string" ? { name: queue } : queue);
}
async function bindAll(
  broker: Broker,
  exchange: ExchangeSpec,
  bindings: readonly (readonly [queue: string, routingKey: string])[],
): Promise<void> {
  for (const [queue, routingKey] of bindings) await broker.bind(queue, exchange, routingKey);
}

async function send(broker: Broker, queue: string, text: string): Promise<void> {
  await broker.publish(textMessage(text), { exchange: "", routingKey: queue });
}
/** All in flight together: the broker keeps the order of the calls. */
async function sendAll(broker: Broker, queue: string, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map((text) => send(broker, queue, text)));
}
async function sendUrgent(broker: Broker, queue: string, priority: number | undefined): Promise<void> {
  const message = textMessage(String(priority ?? "none"));
  await broker.publish(message, { exchange: "", routingKey: queue, ...(priority === undefined ? {} : { priority }) });
}

async function consume(
  broker: Broker,
  queues: readonly string[],
  prefetch = 10,
): Promise<{ inbox: Inbox; consumer: Awaited<ReturnType<Broker["consume"]>> }> {
  const inbox = new Inbox();
  return { inbox, consumer: await broker.consume(queues, { prefetch }, inbox.accept) };
}
async function consumeAndAck(broker: Broker, queue: string): Promise<Inbox> {
  const inbox = new Inbox();
  await broker.consume([queue], { prefetch: 5 }, (delivery) => {
    inbox.accept(delivery);
    void delivery.ack();
  });
  return inbox;
}
/** Takes `count` messages one by one and returns their texts. */
async function drain(broker: Broker, queue: string, count: number): Promise<string[]> {
  const { inbox, consumer } = await consume(broker, [queue], 1);
  for (let left = count; left > 0; left--) await (await inbox.next()).ack();
  await consumer.cancel();
  return inbox.texts;
}

/** The texts of the ready messages, head first. */
async function waiting(broker: Broker, queue: string): Promise<string[]> {
  const peeked = await broker.queues.peek(queue, { limit: 1000 });
  return peeked.filter(({ state }) => state === "ready").map(({ message }) => decodeText(message));
}
async function keysOf(broker: Broker, queue: string): Promise<Map<string, string>> {
  const peeked = await broker.queues.peek(queue, { limit: 1000 });
  return new Map(peeked.map(({ key, message }) => [decodeText(message), key]));
}
async function remaining(broker: Broker, queue: string): Promise<number> {
  const counts = await broker.queues.counts(queue);
  return counts ? counts.ready + counts.unacked + counts.scheduled : Number.NaN;
}
async function readyIn(broker: Broker, ...queues: string[]): Promise<number> {
  let sum = 0;
  for (const queue of queues) sum += (await broker.queues.counts(queue))?.ready ?? 0;
  return sum;
}
async function unackedOf(broker: Broker, ...queues: string[]): Promise<number> {
  let sum = 0;
  for (const queue of queues) sum += (await broker.queues.counts(queue))?.unacked ?? 0;
  return sum;
}

async function listen(
  broker: Broker,
  ...[channel, pattern]: [Parameters<Broker["broadcast"]["subscribe"]>[0], string]
): Promise<Listener> {
  const listener = new Listener();
  listener.subscription = await broker.broadcast.subscribe(channel, pattern, listener.accept);
  return listener;
}

/** Keeps the broadcasts it hears. */
class Listener {
  readonly messages: Message[] = [];
  readonly keys: string[] = [];
  subscription: { cancel(): Promise<void> } | undefined;
  readonly #waiting = new Set<() => void>();

  readonly accept = (message: Message, routingKey: string): void => {
    this.messages.push(message);
    this.keys.push(routingKey);
    for (const look of [...this.#waiting]) look();
  };
  get texts(): string[] {
    return this.messages.map(decodeText);
  }
  holds(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.messages.length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
  async cancel(): Promise<void> {
    await this.subscription?.cancel();
  }
}

function expectSame(received: Message, sent: Message): void {
  expect({ ...received, body: Buffer.from(received.body).toString("hex") }).toEqual({
    ...sent,
    body: Buffer.from(sent.body).toString("hex"),
  });
}

/** Time for what should not happen. There is no event to wait for. */
async function quiet(): Promise<void> {
  await new Promise((later) => setTimeout(later, QUIET_MS));
}
function inMs(delayMs: number): Date {
  return new Date(Date.now() + delayMs);
}
function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}
function isStrictlyGrowing(values: readonly (number | undefined)[]): boolean {
  return values.every((value, index) => index === 0 || Number(value) > Number(values[index - 1]));
}
