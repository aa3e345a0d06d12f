import { randomBytes } from "node:crypto";
import { Connections } from "../../src/connections/connections.js";
import { type RedisServer, redisServer } from "../../src/connections/redis.js";
import { silentLogger } from "../../src/util/logger.js";

/** A test's own keys in a Redis server that others use too. */
export interface RedisKeys {
  /** With a prefix of its own in the query. */
  readonly url: string;
  readonly prefix: string;
  /** A connection of the test itself, to look at keys and to spoil them. */
  readonly server: RedisServer;
  /** Lets `seconds` pass for all keys that expire: theirs is the server's clock, which no test can hold. */
  pass(seconds: number): Promise<void>;
  /** Removes the keys and closes the connection. */
  remove(): Promise<void>;
}

export async function redisKeys(serverUrl: string): Promise<RedisKeys> {
  const prefix = `t${randomBytes(6).toString("hex")}:`;
  const connections = new Connections();
  const { share } = redisServer({ url: serverUrl, connections, logger: silentLogger }, []);
  const server = share.value;
  await server.open();
  const eachKey = async (visit: (key: string) => Promise<unknown>): Promise<void> => {
    let cursor = "0";
    do {
      const reply = await server.call("scan", [cursor, "MATCH", `${prefix}*`, "COUNT", 1000]);
      const [next, keys]: unknown[] = Array.isArray(reply) ? reply : [];
      cursor = String(next);
      if (Array.isArray(keys)) await Promise.all(keys.map((key) => visit(String(key))));
    } while (cursor !== "0");
  };
  return {
    url: `${serverUrl}?global_keyprefix=${prefix}`,
    prefix,
    server,
    pass: (seconds) =>
      eachKey(async (key) => {
        const leftMs = Number(await server.call("pttl", [key]));
        // A key without an end has -1, one that is gone -2; PEXPIRE of nothing or less removes it.
        if (leftMs >= 0) await server.call("pexpire", [key, Math.floor(leftMs - seconds * 1000)]);
      }),
    remove: async () => {
      await eachKey((key) => server.call("del", [key]));
      await share.release();
    },
  };
}
