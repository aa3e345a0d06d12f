import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * A way to a broker that counts what goes to it: a server that others use at the same time tells of everybody's commands, this one of those of
 * the processes that were given its URL. And what the server itself counts, for comparison.
 *
 * @typedef {object} Load
 * @property {number} commands sent to the broker: of Redis commands, of RabbitMQ frames
 * @property {number} bytes both ways
 * @property {number} told what the server says that it has done, for all its clients: commands of Redis, bytes of RabbitMQ's virtual host
 *
 * @typedef {object} BrokerMeter
 * @property {string} url
 * @property {() => Promise<Load>} read everything since its start
 * @property {() => Promise<void>} close
 */

/**
 * @param {string} server
 * @returns {Promise<BrokerMeter>}
 */
export async function meteredRedis(server) {
  const { url, counts, close } = await openGate(server, () => countRedisCommands());
  const { Redis } = await import("ioredis");
  const client = new Redis(server);
  return {
    url: `${url}?global_keyprefix=bench-${randomUUID()}:`,
    read: async () => {
      const stats = await client.info("commandstats");
      const calls = [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
      return { ...counts, told: calls };
    },
    close: async () => {
      await client.quit();
      await close();
    },
  };
}

/**
 * In a virtual host of its own.
 * @param {string} server
 * @param {string} management its HTTP API
 * @returns {Promise<BrokerMeter>}
 */
export async function meteredRabbit(server, management) {
  const name = `bench-${randomUUID()}`;
  const { origin, username, password } = new URL(management);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const ask = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {object} */ body = {}) => {
    const headers = { authorization, "content-type": "application/json" };
    const response = await fetch(`${origin}/api/${path}`, {
      method,
      headers,
      ...(method === "PUT" && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`RabbitMQ's management answers ${response.status} to ${method} ${path}`);
    return response.headers.get("content-type")?.includes("json") ? await response.json() : undefined;
  };
  await ask("PUT", `vhosts/${name}`);
  await ask("PUT", `permissions/${name}/${new URL(server).username}`, { configure: ".*", write: ".*", read: ".*" });
  const { url, counts, close } = await openGate(server, () => countFrames());
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    read: async () => {
      const { recv_oct: received = 0, send_oct: sent = 0 } = /** @type {Record<string, number>} */ (
        await ask("GET", `vhosts/${name}`)
      );
      return { ...counts, told: received + sent };
    },
    close: async () => {
      await ask("DELETE", `vhosts/${name}`);
      await close();
    },
  };
}

/**
 * A port that leads to the server.
 * @param {string} server
 * @param {() => (bytes: Buffer) => number} counting counts whole commands in what one connection sends
 */
async function openGate(server, counting) {
  const there = new URL(server);
  const counts = { commands: 0, bytes: 0 };
  /** @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  const gate = createServer((near) => {
    const far = connect(Number(there.port), there.hostname);
    const count = counting();
    near.on("data", (bytes) => {
      counts.commands += count(bytes);
      counts.bytes += bytes.length;
    });
    far.on("data", (bytes) => {
      counts.bytes += bytes.length;
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      socket?.setNoDelay(true);
      if (socket) sockets.add(socket);
      socket?.on("error", () => other?.destroy());
      socket?.on("close", () => other?.destroy());
      if (other) socket?.pipe(other);
    }
  });
  gate.listen(0, "127.0.0.1");
  await once(gate, "listening");
  const address = gate.address();
  const here = new URL(server);
  here.hostname = "127.0.0.1";
  here.port = String(typeof address === "object" ? address?.port : "");
  return {
    url: here.href.replace(/\/$/, ""),
    counts,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      gate.close();
      await once(gate, "close");
    },
  };
}

/**
 * Commands as clients send them: arrays of bulk strings. Source: the Redis serialization protocol, "Sending commands to a Redis server".
 * @returns {(bytes: Buffer) => number}
 */
function countRedisCommands() {
  let waiting = Buffer.alloc(0);
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes]);
    let commands = 0;
    for (let at = 0; ; ) {
      const end = endOfCommand(waiting, at);
      if (end === undefined) {
        waiting = waiting.subarray(at);
        return commands;
      }
      at = end;
      commands += 1;
    }
  };
}

/** Where the command that begins here ends; undefined when it is not there whole. @param {Buffer} bytes @param {number} start */
function endOfCommand(bytes, start) {
  const line = lineAt(bytes, start);
  if (!line) return undefined;
  let at = line.end;
  for (let part = 0; part < line.number; part++) {
    const size = lineAt(bytes, at);
    if (!size || bytes.length < size.end + size.number + 2) return undefined;
    at = size.end + size.number + 2;
  }
  return at;
}

/** A line like `*3` or `$12`. @param {Buffer} bytes @param {number} at */
function lineAt(bytes, at) {
  const end = bytes.indexOf("\r\n", at);
  return end < 0 ? undefined : { number: Number(bytes.toString("latin1", at + 1, end)), end: end + 2 };
}

/**
 * Frames: type (1), channel (2), size (4), payload, end (1), after a header of 8 bytes. Source: AMQP 0-9-1, 4.2.3.
 * @returns {(bytes: Buffer) => number}
 */
function countFrames() {
  let skip = 8;
  let waiting = Buffer.alloc(0);
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes]);
    let frames = 0;
    for (;;) {
      if (waiting.length < skip + 7) return frames;
      const size = waiting.readUInt32BE(skip + 3);
      if (waiting.length < skip + 7 + size + 1) return frames;
      waiting = waiting.subarray(skip + 7 + size + 1);
      skip = 0;
      frames += 1;
    }
  };
}
