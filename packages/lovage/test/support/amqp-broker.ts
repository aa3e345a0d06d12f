import { onTestFinished, vi } from "vitest";
import { AmqpBroker } from "../../src/brokers/amqp/broker.js";
import type { BrokerOptions } from "../../src/brokers/broker.js";
import { Connections } from "../../src/connections/connections.js";
import { type AmqpVhost, amqpVhost, manage } from "./amqp-vhost.js";
import { RecordingLogger } from "./recording-logger.js";

export interface GivenAmqp {
  readonly vhost: AmqpVhost;
  readonly broker: AmqpBroker;
  readonly logger: RecordingLogger;
  /** Another one on the same vhost. */
  connect(options?: Partial<BrokerOptions>): Promise<AmqpBroker>;
}

/** A connected broker in a vhost of its own; all is gone when the test is over. */
export async function givenAmqp(query = "", options: Partial<BrokerOptions> = {}): Promise<GivenAmqp> {
  const vhost = await amqpVhost(query);
  const logger = new RecordingLogger();
  const opened: AmqpBroker[] = [];
  onTestFinished(async () => {
    for (const broker of opened) await broker.close();
    await vhost.remove();
  });
  const connect = async (more: Partial<BrokerOptions> = {}): Promise<AmqpBroker> => {
    const broker = new AmqpBroker({
      url: vhost.url,
      leaseSeconds: 15,
      publishTimeout: 10,
      connections: new Connections(),
      logger,
      ...options,
      ...more,
    });
    opened.push(broker);
    await broker.connect();
    return broker;
  };
  return { vhost, logger, connect, broker: await connect() };
}

/** Closes the connections of a vhost from the broker's side, as an operator can. Resolves with how many there were. */
export async function killConnections(vhost: AmqpVhost): Promise<number> {
  const names = await vi.waitFor(
    async () => {
      const found = await connectionNames(vhost);
      if (found.length === 0) throw new Error("RabbitMQ lists no connections yet");
      return found;
    },
    { timeout: 15_000, interval: 100 },
  );
  for (const name of names) await manage("DELETE", `/api/connections/${encodeURIComponent(name)}`);
  return names.length;
}

async function connectionNames({ name }: AmqpVhost): Promise<string[]> {
  const found = await manage("GET", `/api/vhosts/${name}/connections`);
  return Array.isArray(found) ? found.map((each: unknown) => String(Object(each).name)) : [];
}
