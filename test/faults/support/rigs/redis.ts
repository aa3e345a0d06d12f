import { Redis } from "ioredis";
import { startServer } from "../../../support/services/server.js";
import type { ServerRig } from "../rig.js";

/** A Redis that has each command on disk before it answers. */
export async function redisRig(): Promise<ServerRig> {
  const server = await startServer("redis");
  const query = async <T>(work: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(server.url);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  };
  const info = await query((client) => client.info("server"));
  return {
    broker: "redis",
    description: `Redis ${/^redis_version:(.*)$/m.exec(String(info))?.[1]?.trim()}, appendfsync always`,
    url: server.url,
    held: async () => 0,
    countsLag: 0,
    resultBackend: (brokerUrl) => brokerUrl,
    server,
    delayed: {
      count: async (queue) => await query((client) => client.zcard(scheduledKey(queue))),
      makeDue: async (queue) =>
        await query(async (client) => {
          for (const member of await client.zrange(scheduledKey(queue), "0", "-1")) {
            await client.zrem(scheduledKey(queue), member);
            // The message says it too, and a worker puts back what comes early.
            const due = member.replace(/"eta": ?"[^"]*"/, `"eta": "${new Date().toISOString()}"`);
            if (due === member) throw new Error(`no ETA in ${member}`);
            await client.zadd(scheduledKey(queue), String(Date.now()), due);
            await client.zadd("lovage:due", String(Date.now()), queue);
          }
        }),
    },
    dispose: () => server.remove(),
  };
}

function scheduledKey(queue: string): string {
  return `lovage:scheduled:${queue}`;
}
