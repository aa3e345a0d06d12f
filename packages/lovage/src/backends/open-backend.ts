import { driverFor } from "../util/open-driver.js";
import type { BackendOptions, ResultBackend } from "./backend.js";

type OpenBackend = (options: BackendOptions) => Promise<ResultBackend>;

/** URL scheme → driver, loaded when it is used. The only place that lists result backends. */
const DRIVERS: Readonly<Record<string, OpenBackend>> = {
  memory: async (options) => new (await import("./memory/backend.js")).MemoryBackend(options),
  sqlite: async (options) => new (await import("./sqlite/backend.js")).SqliteBackend(options),
  redis: openRedis,
  rediss: openRedis,
  "redis+sentinel": openRedis,
  sentinel: openRedis,
  "redis+socket": openRedis,
  postgres: openPostgres,
  postgresql: openPostgres,
  rpc: async (options) => new (await import("./rpc/backend.js")).RpcBackend(options),
};

/** Those with a `replyAddress`: their results go to the process that sent the task. */
const TO_SENDER: ReadonlySet<string> = new Set(["rpc"]);

async function openRedis(options: BackendOptions): Promise<ResultBackend> {
  return new (await import("./redis/backend.js")).RedisBackend(options);
}
async function openPostgres(options: BackendOptions): Promise<ResultBackend> {
  return new (await import("./postgres/backend.js")).PostgresBackend(options);
}

/** Whether results of the backend behind `url` come only to a process that names its `replyAddress` in the tasks it sends. */
export function repliesToSender(url: string): boolean {
  return TO_SENDER.has(/^[^:]*/.exec(url)?.[0].toLowerCase() ?? "");
}

/** The result backend behind a URL, not yet connected. Throws a `ConfigurationError` for a URL that names none. */
export async function openBackend(options: BackendOptions): Promise<ResultBackend> {
  return await driverFor(options.url, DRIVERS, "resultBackend")(options);
}
