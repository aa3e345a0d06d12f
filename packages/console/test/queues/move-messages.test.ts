import { Lovage } from "lovage";
import type { Broker, Message } from "lovage/internal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MoveError, moveMessages } from "../../src/server/queues/move-messages.js";

describe("moving messages", () => {
  let app: Lovage;
  let broker: Broker;
  const never = new AbortController().signal;

  beforeEach(async () => {
    app = new Lovage("moves", { brokerUrl: "memory://" });
    broker = await app.direct.broker();
    await broker.declare({ name: "from", maxPriority: 9 });
    await broker.declare({ name: "to", maxPriority: 9 });
  });
  afterEach(async () => await app.close());

  async function fill(count: number, route: { eta?: Date } = {}): Promise<void> {
    for (let n = 0; n < count; n++)
      await broker.publish(numbered(n), { exchange: "", routingKey: "from", priority: n % 2, ...route });
  }
  const depth = async (queue: string) => {
    const counts = await broker.queues.counts(queue);
    return [counts?.ready, counts?.scheduled, counts?.unacked];
  };

  test("moves the first n in the order of the queue, with headers and priority", async () => {
    await fill(10);
    const expected = (await broker.queues.peek("from", { limit: 3 })).map(({ message }) => message);
    expect(await moveMessages(broker, { from: "from", to: "to", what: { n: 3 }, signal: never })).toBe(3);
    expect((await broker.queues.peek("to", { limit: 10 })).map(({ message }) => message)).toEqual(expected);
    expect(await depth("from")).toEqual([7, 0, 0]);
  });

  test("moves all, those that wait for their ETA too, and they wait on", async () => {
    const eta = new Date(Date.now() + 3600_000);
    await fill(120);
    await fill(3, { eta });
    expect(await moveMessages(broker, { from: "from", to: "to", what: { all: true }, signal: never })).toBe(123);
    expect(await depth("from")).toEqual([0, 0, 0]);
    expect(await depth("to")).toEqual([120, 3, 0]);
    expect((await broker.queues.peek("to", { limit: 1, offset: 120 }))[0]?.eta).toEqual(eta);
  });

  test("moves those named, a scheduled one with its ETA, and passes over those that are gone", async () => {
    const eta = new Date(Date.now() + 3600_000);
    await fill(3);
    await fill(1, { eta });
    const keys = (await broker.queues.peek("from", { limit: 10 })).filter((_, at) => at !== 1).map(({ key }) => key);
    expect(
      await moveMessages(broker, { from: "from", to: "to", what: { keys: [...keys, "999"] }, signal: never }),
    ).toBe(3);
    expect(await depth("from")).toEqual([1, 0, 0]);
    expect(await depth("to")).toEqual([2, 1, 0]);
  });

  test("asks for no more than there are: who sends meanwhile sends to the queue as it was", async () => {
    await fill(5);
    expect(await moveMessages(broker, { from: "from", to: "to", what: { n: 1000 }, signal: never })).toBe(5);
  });

  test("ends when others have taken the rest", async () => {
    await fill(2);
    const [first] = await broker.queues.peek("from", { limit: 1 });
    const counts = broker.queues.counts.bind(broker.queues);
    // Between counting and consuming, somebody takes one.
    broker.queues.counts = async (queue) => {
      const found = await counts(queue);
      for (const held of await broker.queues.take("from", [first?.key ?? ""])) await held.ack();
      return found;
    };
    expect(await moveMessages(broker, { from: "from", to: "to", what: { all: true }, signal: never, idle: 0.05 })).toBe(
      1,
    );
  });

  test("publishes before it acknowledges: what cannot be published stays, and says what went", async () => {
    await fill(5);
    const publish = broker.publish.bind(broker);
    let left = 2;
    broker.publish = async (message, route) => {
      if (left-- <= 0) throw new Error("refused");
      await publish(message, route);
    };
    const moved = moveMessages(broker, { from: "from", to: "to", what: { all: true }, signal: never });
    await expect(moved).rejects.toThrow(new MoveError(2, new Error("refused")).message);
    expect(await depth("from")).toEqual([3, 0, 0]);
    expect(await depth("to")).toEqual([2, 0, 0]);
  });

  test("stops when it is told to, and gives back what it holds", async () => {
    await fill(5);
    await expect(
      moveMessages(broker, { from: "from", to: "to", what: { all: true }, signal: AbortSignal.abort() }),
    ).rejects.toThrow(MoveError);
    expect(await depth("from")).toEqual([5, 0, 0]);
  });
});

function numbered(n: number): Message {
  return {
    headers: { id: `t${n}`, task: "t.add", custom: n },
    properties: { priority: n % 2, delivery_mode: 2 },
    body: Buffer.from("[[], {}, {}]"),
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
}
