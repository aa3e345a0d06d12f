import { driverFor } from "../util/open-driver.js";
import type { Broker, BrokerOptions } from "./broker.js";

type OpenBroker = (options: BrokerOptions) => Promise<Broker>;

/** URL scheme → driver, loaded when it is used. The only place that lists brokers. */
const DRIVERS: Readonly<Record<string, OpenBroker>> = {
  memory: async (options) => new (await import("./memory/broker.js")).MemoryBroker(options),
  sqlite: async (options) => new (await import("./sqlite/broker.js")).SqliteBroker(options),
  redis: openRedis,
  rediss: openRedis,
  "redis+sentinel": openRedis,
  sentinel: openRedis,
  "redis+socket": openRedis,
  amqp: openAmqp,
  amqps: openAmqp,
  postgres: openPostgres,
  postgresql: openPostgres,
};

async function openRedis(options: BrokerOptions): Promise<Broker> {
  return new (await import("./redis/broker.js")).RedisBroker(options);
}
async function openAmqp(options: BrokerOptions): Promise<Broker> {
  return new (await import("./amqp/broker.js")).AmqpBroker(options);
}
async function openPostgres(options: BrokerOptions): Promise<Broker> {
  return new (await import("./postgres/broker.js")).PostgresBroker(options);
}

/** The broker behind a URL, not yet connected. Throws a `ConfigurationError` for a URL that names none. */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  return await driverFor(options.url, DRIVERS, "brokerUrl")(options);
}
