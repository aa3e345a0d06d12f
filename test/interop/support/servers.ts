import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { Redis } from "ioredis";

/** Something of a suite's own on a shared server. */
export interface Claim {
  readonly url: string;
  release(): Promise<void>;
}

const CLAIM_KEY = "lovage:interop:claimed-by";
const OWNER = `${hostname()} ${process.pid}`;

/**
 * A Redis database that nobody uses. One of its own, and not a key prefix, because kombu 5.2 has bugs with prefixes.
 * Only empty databases are taken, or those a suite on this machine has died in.
 */
export async function claimRedisDatabase(server: string): Promise<Claim> {
  for (let database = 15; database > 0; database--) {
    const url = new URL(server);
    url.pathname = `/${database}`;
    const redis = new Redis(url.href, { maxRetriesPerRequest: 1 });
    if (await claim(redis)) {
      const release = async (): Promise<void> => {
        await redis.flushdb();
        await redis.quit();
      };
      return { url: url.href, release };
    }
    await redis.quit();
  }
  throw new Error("all of the Redis server's databases 1 to 15 are in use");
}

async function claim(redis: Redis): Promise<boolean> {
  const owner = await redis.get(CLAIM_KEY);
  if (owner !== null && isDead(owner)) await redis.flushdb();
  if ((await redis.dbsize()) > 0) return false;
  return (await redis.set(CLAIM_KEY, OWNER, "NX")) === "OK";
}

/** Whether the process that claimed it, on this machine, is gone. */
function isDead(owner: string): boolean {
  const [machine, pid] = owner.split(" ");
  if (machine !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch {
    return true;
  }
}

/** A RabbitMQ virtual host of its own. `management` is the URL of the management plugin's API, with user and password. */
export async function makeVhost(server: string, management: string): Promise<Claim> {
  const name = `interop-${randomBytes(6).toString("hex")}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await manage(management, "PUT", `/api/vhosts/${name}`);
  const permissions = { configure: ".*", write: ".*", read: ".*" };
  await manage(management, "PUT", `/api/permissions/${name}/${url.username || "guest"}`, permissions);
  return { url: url.href, release: () => manage(management, "DELETE", `/api/vhosts/${name}`) };
}

async function manage(management: string, method: string, path: string, body?: object): Promise<void> {
  const url = new URL(path, management);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  const response = await fetch(url, {
    method,
    headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}`);
}
