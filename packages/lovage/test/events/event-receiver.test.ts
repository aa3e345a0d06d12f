import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Broadcast } from "../../src/brokers/broker.js";
import { EventReceiver, receiveEvents } from "../../src/events/event-receiver.js";
import { Lovage } from "../../src/index.js";
import {
  encodeEvents,
  LamportClock,
  type ReceivedEvent,
  type StampedEvent,
  stampEvent,
} from "../../src/protocol/events.js";
import type { Message } from "../../src/protocol/message.js";
import { RecordingLogger } from "../support/recording-logger.js";

let app: Lovage;
let broadcast: Broadcast;

beforeAll(async () => {
  app = new Lovage("events", { brokerUrl: "memory://", resultBackend: null });
  ({ broadcast } = await app.direct.broker());
});
afterAll(async () => {
  await app.close();
});

function started(uuid: string, clock = 1): StampedEvent {
  return stampEvent({ type: "task-started", uuid }, { hostname: "w@x", pid: 1, clock, now: new Date(1000) });
}

async function send(...events: readonly StampedEvent[]): Promise<void> {
  await broadcast.publish("events", "task.multi", encodeEvents(events, "w@x"));
}

describe("EventReceiver", () => {
  test("hears single events and batches, in order", async () => {
    const seen: ReceivedEvent[] = [];
    const receiver = new EventReceiver({ broadcast, onEvent: (event) => seen.push(event) });
    await receiver.start();
    await send(started("a"), started("b"));
    await broadcast.publish("events", "task.started", encodeEvents(started("c"), "w@x"));
    await expect.poll(() => seen.map(({ fields }) => fields.uuid)).toEqual(["a", "b", "c"]);
    await receiver.stop();
    await send(started("d"));
    expect(seen).toHaveLength(3);
  });

  test("goes on after what is no event and after a handler that throws", async () => {
    const logger = new RecordingLogger();
    const seen: unknown[] = [];
    const receiver = new EventReceiver({
      broadcast,
      logger,
      onEvent: ({ fields: { uuid } }) => {
        seen.push(uuid);
        if (uuid === "a") throw new Error("no");
      },
    });
    await receiver.start();
    const { body: _, ...envelope } = encodeEvents(started("x"), "w@x");
    const garbage: Message[] = ["", "{", "3", '"x"', "[null, 1]", '{"type": 1}'].map((text) => ({
      ...envelope,
      body: Buffer.from(text),
    }));
    for (const message of garbage) await broadcast.publish("events", "task.multi", message);
    await send(started("a"), started("b"));
    await expect.poll(() => seen).toEqual(["a", "b"]);
    await receiver.stop();
    expect(logger.lines.map(({ level }) => level)).toEqual(["warn", "warn", "warn", "warn", "error"]);
  });

  test("keeps its clock ahead of the workers', and not of clients'", async () => {
    const lamport = new LamportClock();
    const receiver = new EventReceiver({ broadcast, lamport, onEvent: () => undefined });
    await receiver.start();
    await send(started("a", 41));
    await expect.poll(() => lamport.value).toBe(42);
    await receiver.stop();
  });

  test("can be stopped before and during its start", async () => {
    const never = new EventReceiver({ broadcast, onEvent: () => undefined });
    await never.stop();
    await never.start();
    const during = new EventReceiver({ broadcast, onEvent: () => undefined });
    await Promise.all([during.start(), during.stop(), during.stop()]);
  });
});

describe("receiveEvents", () => {
  test("is an iteration that ends when its signal aborts", async () => {
    const ending = new AbortController();
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { fields } of receiveEvents({ broadcast, signal: ending.signal })) {
        seen.push(fields.uuid);
        if (seen.length === 2) ending.abort();
      }
    })();
    // The subscription is made when the iteration begins; until then there is nobody to hear.
    while (seen.length === 0) {
      await send(started("a"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await send(started("b"));
    await reading;
    expect(seen).toHaveLength(2);
  });
});
