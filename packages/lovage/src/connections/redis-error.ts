/**
 * What went wrong with a Redis server. Drivers translate it into their own errors: `passing` ones into "try again later".
 *
 * - "lost": no connection, none in time, or it broke before the answer. What was asked may have been done, unless `unsent`.
 * - "refused": the server answered with an error. `code` is its first word, as in `OOM` or `WRONGTYPE`.
 */
export class RedisError extends Error {
  readonly kind: "lost" | "refused";
  readonly code: string | undefined;
  /** Whether another try, later, may succeed. */
  readonly passing: boolean;
  /** Whether the command has certainly not been carried out. */
  readonly unsent: boolean;

  constructor(
    message: string,
    details: { kind: "lost" | "refused"; code?: string | undefined; unsent?: boolean; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "RedisError";
    this.kind = details.kind;
    this.code = details.code;
    this.passing = details.kind === "lost" || PASSING.has(details.code ?? "");
    this.unsent = details.unsent ?? details.kind === "refused";
  }
}

/**
 * Refusals that end by themselves or by an operator's hand: memory is full, a replica waits for its master, a failover is under way,
 * the disk does not take snapshots. Source: redis.io/docs/latest/develop/reference/protocol-spec ("Simple errors") and redis/src/server.c (shared objects).
 */
const PASSING: ReadonlySet<string> = new Set([
  "OOM",
  "READONLY",
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "BUSY",
  "MISCONF",
  "NOREPLICAS",
  "UNBLOCKED",
]);

/** What the link itself tries again within the command's deadline: nothing was done, and it is over soon. */
export const TRIED_AGAIN: ReadonlySet<string> = new Set(["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY"]);
/** What another connection may cure: the master has become a replica, or the password has changed. */
export const CONNECTS_ANEW: ReadonlySet<string> = new Set(["READONLY", "NOAUTH"]);

/** How ioredis rejects a command that it could not write, its connection being about to end. */
const UNSENT = "Stream isn't writeable";

/** The error of a client library as ours. */
export function redisError(error: unknown, where: string): RedisError {
  if (error instanceof RedisError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === "ReplyError") {
    const code = /^[A-Z]+(?= |$)/.exec(message)?.[0];
    return new RedisError(`Redis ${where} refused: ${message}`, { kind: "refused", code });
  }
  return new RedisError(`Redis ${where}: ${message}`, {
    kind: "lost",
    unsent: message.startsWith(UNSENT),
    cause: error,
  });
}
