import { BrokerConnectionError, BrokerError, type Lovage } from "lovage";
import { type Broker, maskUrls, withDeadline } from "lovage/internal";
import { ApiError } from "../route.js";

/** Seconds that a question to the broker may take, the connection included. */
export const BROKER_SECONDS = 5;

/**
 * Asks the app's broker and waits `seconds` at most. Rejects with a `BrokerConnectionError` that says what was asked when no
 * answer came; with the broker's own error when it refused.
 */
export async function askBroker<T>(
  app: Lovage,
  what: string,
  ask: (broker: Broker) => Promise<T>,
  seconds: number = BROKER_SECONDS,
): Promise<T> {
  const answer = (async () => await ask(await app.direct.broker()))();
  return await withDeadline(
    answer,
    seconds,
    () => new BrokerConnectionError(`the broker did not answer within ${seconds} s: ${what}`),
  );
}

/** As `askBroker`, for a request of a person's: what goes wrong becomes an answer that names it (503 when the broker is away, else 409). */
export async function askBrokerFor<T>(
  app: Lovage,
  what: string,
  ask: (broker: Broker) => Promise<T>,
  seconds: number = BROKER_SECONDS,
): Promise<T> {
  try {
    return await askBroker(app, what, ask, seconds);
  } catch (error) {
    throw brokerProblem(error);
  }
}

/** What the broker said, as an answer of the API. Anything else is returned as it is. */
export function brokerProblem(error: unknown): unknown {
  if (error instanceof BrokerConnectionError)
    return new ApiError(503, "broker_unavailable", maskUrls(error.message), { cause: error });
  if (error instanceof BrokerError) return new ApiError(409, error.code, maskUrls(error.message), { cause: error });
  return error;
}

/** What went wrong, in words and without secrets. */
export function errorText(error: unknown): string {
  return maskUrls(error instanceof Error ? error.message : String(error)).slice(0, 500);
}
