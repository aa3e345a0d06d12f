import { expect, test } from "vitest";
import type { Broadcast } from "../src/brokers/broker.js";
import { EventSender } from "../src/event-sender.js";
import { decodeEvents, LamportClock } from "../src/protocol/events.js";
import { systemClock } from "../src/util/clock.js";
import { silentLogger } from "../src/util/logger.js";

/** A sender, and the ids of the tasks whose events were published. */
function givenSender(afterPublish: (sender: EventSender) => void = () => undefined): {
  readonly sender: EventSender;
  readonly published: string[];
} {
  const published: string[] = [];
  const broadcast: Broadcast = {
    publish: async (_channel, _routingKey, message) => {
      published.push(...decodeEvents(message).map(({ fields }) => String(fields.uuid)));
      afterPublish(sender);
    },
    subscribe: () => Promise.reject(new Error("nobody listens here")),
  };
  const sender: EventSender = new EventSender({
    broadcast,
    hostname: "w@h",
    lamport: new LamportClock(),
    clock: systemClock,
    logger: silentLogger,
    taskEvents: true,
  });
  return { sender, published };
}

test.each([0, 1, 2, 3, 4, 5, 6])(
  "an event that comes %i turns after a batch was published is sent too",
  async (turns) => {
    let sent = false;
    const { sender, published } = givenSender((again) => {
      if (sent) return;
      sent = true;
      void (async () => {
        for (let turn = 0; turn < turns; turn++) await undefined;
        again.send({ type: "task-started", uuid: "second" });
      })();
    });

    sender.send({ type: "task-started", uuid: "first" });
    await sender.settled();
    await new Promise((resolve) => setImmediate(resolve));
    await sender.settled();

    expect(published).toEqual(["first", "second"]);
  },
);
