import { ConfigurationError } from "../errors.js";

/** A server's description of itself: the fields of INFO. */
export type RedisInfo = ReadonlyMap<string, string>;

/** Major and minor; what scripts and CLIENT TRACKING lean on is there from this one on. */
const OLDEST_VERSION = [6, 2] as const;

/** Reads INFO's `name:value` lines; headings are left out. */
export function parseInfo(text: string): RedisInfo {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** Throws a `ConfigurationError` (`old_redis`) when the server is older than 6.2. */
export function checkVersion(info: RedisInfo, shown: string): void {
  const version = info.get("redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new ConfigurationError(
    `Redis ${shown} has version ${version || "unknown"}: ${OLDEST_VERSION.join(".")} or newer is needed`,
    { code: "old_redis" },
  );
}

/** What the server does when its memory is full, if that is to drop keys that nobody has told it to; undefined if it is not. */
export function evictionPolicy(info: RedisInfo): string | undefined {
  const policy = info.get("maxmemory_policy");
  const limited = Number(info.get("maxmemory") ?? 0) > 0;
  return limited && policy !== "noeviction" ? policy : undefined;
}
