import { randomBytes } from "node:crypto";
import type { LovageSettings } from "lovage";
import { describe } from "vitest";
import { amqpVhost } from "../../../lovage/test/support/amqp-vhost.js";
import { postgresSchema } from "../../../lovage/test/support/postgres-schema.js";
import { describeWithServer } from "../../../lovage/test/support/servers.js";
import { sqliteFile } from "../../../lovage/test/support/sqlite-file.js";

/** A broker that nobody else uses. */
export interface BrokerPlace {
  readonly settings: LovageSettings;
  remove(): Promise<void>;
}
export interface BrokerKind {
  readonly name: "memory" | "sqlite" | "redis" | "amqp" | "postgres";
  open(): Promise<BrokerPlace>;
}

/** Describes what holds with every broker; results are in its own store where it has one. */
export function describeBrokers(name: string, body: (broker: BrokerKind) => void): void {
  const memory = async (): Promise<BrokerPlace> => ({ settings: both("memory://"), remove: async () => undefined });
  describe(`${name} on memory`, () => body({ name: "memory", open: memory }));
  describe(`${name} on SQLite`, () =>
    body({
      name: "sqlite",
      open: async () => {
        const file = await sqliteFile();
        return { settings: both(file.url), remove: file.remove };
      },
    }));
  describeWithServer("redis", `${name} on Redis`, (url) =>
    body({
      name: "redis",
      open: async () => ({
        settings: both(`${url}?global_keyprefix=t${randomBytes(6).toString("hex")}:`),
        remove: async () => undefined,
      }),
    }),
  );
  describeWithServer("amqp", `${name} on RabbitMQ`, () =>
    body({
      name: "amqp",
      open: async () => {
        const vhost = await amqpVhost();
        return { settings: { brokerUrl: vhost.url, resultBackend: null }, remove: () => vhost.remove() };
      },
    }),
  );
  describeWithServer("postgres", `${name} on PostgreSQL`, (url) =>
    body({
      name: "postgres",
      open: async () => {
        const schema = await postgresSchema(url);
        return { settings: both(schema.url), remove: () => schema.remove() };
      },
    }),
  );
}

function both(url: string): LovageSettings {
  return { brokerUrl: url, resultBackend: url };
}
