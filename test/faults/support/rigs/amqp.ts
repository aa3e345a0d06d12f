import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfirmChannel, connect } from "amqplib";
import { startServer } from "../../../support/services/server.js";
import type { ServerRig } from "../rig.js";

/** The last of the 28 levels of Celery's topology for delayed delivery, 2^27 seconds (celery-protocol 3.8). */
const LEVELS = 28;

/** A RabbitMQ whose queues and messages are on disk when they are confirmed. Results are kept in a SQLite file beside it. */
export async function amqpRig(): Promise<ServerRig> {
  const server = await startServer("amqp");
  const folder = await mkdtemp(join(tmpdir(), "lovage-faults-results-"));
  const query = async <T>(work: (channel: ConfirmChannel) => Promise<T>): Promise<T> => {
    const connection = await connect(server.url);
    try {
      return await work(await connection.createConfirmChannel());
    } finally {
      await connection.close();
    }
  };
  const description = await version(server.url);
  return {
    broker: "amqp",
    description: `RabbitMQ ${description}, classic queues, results in SQLite`,
    url: server.url,
    held: (queue) => unacknowledged(server.managementUrl, queue),
    // The management plugin's numbers are a second old, or two.
    countsLag: 3,
    resultBackend: () => `sqlite:${join(folder, "results.db")}`,
    server,
    delayed: {
      // A message that is to wait n seconds waits first in the level of n's highest bit.
      count: async (_queue, seconds) =>
        await query(
          async (channel) => (await channel.checkQueue(levelName(Math.floor(Math.log2(seconds))))).messageCount,
        ),
      makeDue: async () => await query(handDown),
    },
    dispose: async () => {
      await server.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Hands every waiting message to the next level, as its time-to-live does in the end, until all have gone through all levels. */
async function handDown(channel: ConfirmChannel): Promise<void> {
  for (let level = LEVELS - 1; level >= 0; level--) {
    const next = level === 0 ? "celery_delayed_delivery" : levelName(level - 1);
    for (let got = await channel.get(levelName(level)); got; got = await channel.get(levelName(level))) {
      // The message says when it is due, too, and a worker puts back what comes early.
      const headers = { ...got.properties.headers, eta: new Date().toISOString() };
      channel.publish(next, got.fields.routingKey, got.content, { ...got.properties, headers });
      await channel.waitForConfirms();
      channel.ack(got);
    }
  }
}

function levelName(level: number): string {
  return `celery_delayed_${level}`;
}

async function version(url: string): Promise<string> {
  const connection = await connect(url);
  const properties: unknown = Reflect.get(connection.connection, "serverProperties");
  await connection.close();
  return typeof properties === "object" && properties !== null ? String(Reflect.get(properties, "version")) : "unknown";
}

/** By the management API. @see rawcdn.githack.com/rabbitmq/rabbitmq-server/v3.10.8/deps/rabbitmq_management/priv/www/api/index.html */
async function unacknowledged(managementUrl: string | undefined, queue: string): Promise<number> {
  const { origin, username, password } = new URL(managementUrl ?? "");
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const answer = await fetch(`${origin}/api/queues/%2F/${queue}`, { headers: { authorization } });
  const found: unknown = await answer.json();
  return typeof found === "object" && found !== null ? Number(Reflect.get(found, "messages_unacknowledged") ?? 0) : 0;
}
