import type { Delivery } from "../../src/brokers/broker.js";
import { openBroker } from "../../src/brokers/open-broker.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import type { PeerCommand, PeerReport } from "./peer-process.js";
import { decodeText, textMessage } from "./text-message.js";

// A process of its own on a test's broker: it does what its parent says and reports what became of it.

const [, , url = "", leaseSeconds = "15"] = process.argv;
const broker = await openBroker({
  url,
  leaseSeconds: Number(leaseSeconds),
  publishTimeout: 10,
  connections: new Connections(),
  logger: silentLogger,
});
const held: Delivery[] = [];

function report(what: PeerReport): void {
  process.send?.(what);
}

async function publish(queue: string, text: string): Promise<void> {
  await broker.publish(textMessage(text), { exchange: "", routingKey: queue });
  report({ kind: "confirmed", text });
}

/** Publishes without end, some at a time: until somebody kills this process. */
async function burst(queue: string, inFlight: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (;;) await publish(queue, String(next++));
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function acknowledge(): Promise<void> {
  for (const delivery of held.splice(0)) {
    const error = await delivery.ack().then(
      () => undefined,
      (cause: unknown) => (cause instanceof Error ? cause.name : String(cause)),
    );
    report({ kind: "acked", text: decodeText(delivery.message), error });
  }
}

async function obey(command: PeerCommand): Promise<void> {
  switch (command.kind) {
    case "publish":
      return await publish(command.queue, command.text);
    case "burst":
      return await burst(command.queue, command.inFlight);
    case "hold":
      await broker.consume([command.queue], { prefetch: command.prefetch }, (delivery) => {
        held.push(delivery);
        report({ kind: "holding", text: decodeText(delivery.message), deliveries: delivery.deliveries });
      });
      return report({ kind: "consuming" });
    case "consume":
      await broker.consume([command.queue], { prefetch: command.prefetch }, (delivery) => {
        const receivedMs = Date.now();
        const text = decodeText(delivery.message);
        void delivery.ack().then(() => report({ kind: "consumed", text, receivedMs }));
      });
      return report({ kind: "consuming" });
    case "ack":
      return await acknowledge();
    case "broadcast":
      await broker.broadcast.publish(command.channel, command.routingKey, textMessage(command.text));
      return report({ kind: "confirmed", text: command.text });
    case "close":
      await broker.close();
      process.disconnect();
  }
}

process.on("message", (command: PeerCommand) => {
  obey(command).catch((error: unknown) => report({ kind: "failed", error: String(error) }));
});
await broker.connect();
report({ kind: "ready" });
