import { PostgresError } from "../../connections/postgres.js";
import { BrokerConnectionError, BrokerError } from "../../errors.js";

/** The same promise, with PostgreSQL's errors as the broker's. */
export function translated<T>(work: Promise<T>): Promise<T> {
  return work.catch(throwTranslated);
}

function throwTranslated(error: unknown): never {
  throw brokerError(error);
}

export function brokerError(error: unknown): unknown {
  if (!(error instanceof PostgresError)) return error;
  return error.passing
    ? new BrokerConnectionError(error.message, { cause: error })
    : new BrokerError(error.message, { cause: error });
}
