import { RedisError } from "../../connections/redis.js";
import { BrokerConnectionError, BrokerError } from "../../errors.js";

/** The same promise, with Redis's errors as the broker's. */
export function translated<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw brokerError(error);
  });
}

export function brokerError(error: unknown): unknown {
  if (!(error instanceof RedisError)) return error;
  if (error.code === "OOM") return new BrokerError(fullMessage(error.message), { code: "broker_full", cause: error });
  return error.passing
    ? new BrokerConnectionError(error.message, { cause: error })
    : new BrokerError(error.message, { cause: error });
}

/** For a refusal that a script reported in its reply: Redis's own words. */
export function refusal(words: string): BrokerError {
  if (words.startsWith("OOM")) return new BrokerError(fullMessage(words), { code: "broker_full" });
  return new BrokerError(`Redis refused a message: ${words}`);
}

function fullMessage(words: string): string {
  return `Redis has no memory left for messages: ${words}`;
}
