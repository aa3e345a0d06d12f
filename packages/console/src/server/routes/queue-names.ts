import { z } from "@hono/zod-openapi";
import type { Broker } from "lovage/internal";
import type { QueueSummary } from "../../api/queues.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError } from "../route.js";

/** What routes of queues and of the messages in them share. */

/** The queue of a path. Longer than a new one may be: those of others are what they are. */
export const QueueName = z.object({ queue: z.string().min(1).max(1000) });

/** Seconds that a purge, a move or a removal may take, the answer being waited for. */
export const LONG_SECONDS = 25;

/** The queue; throws a 404 when there is none, a 503 when that is not known. */
export async function knownQueue(parts: ConsoleParts, name: string): Promise<QueueSummary> {
  const found = await parts.queues.get(name);
  if (found) return found;
  if (!parts.queues.state.reachable) {
    throw new ApiError(
      503,
      "broker_unavailable",
      `whether there is a queue ${name} is not known: ${parts.queues.state.error}`,
    );
  }
  throw noQueue(name);
}

/** The refusal for a queue that is not there. */
export function noQueue(name: string): ApiError {
  return new ApiError(404, "no_such_queue", `there is no queue ${JSON.stringify(name)}`);
}

/** Throws a 404 for the first of the names that is no queue. */
export async function expectQueues(broker: Broker, names: readonly string[]): Promise<void> {
  for (const name of names) if (!(await broker.queues.counts(name))) throw noQueue(name);
}

/** The refusal of what was not confirmed; `expected` says what was to be typed. */
export function notConfirmed(expected: string): ApiError {
  const message = `expected ${expected}`;
  return new ApiError(400, "not_confirmed", `type ${expected} to confirm`, { errors: [{ path: "confirm", message }] });
}

/** Figures that have just changed: whoever looks sees them in a moment. `refresh` never rejects. */
export function refreshLater(parts: ConsoleParts): void {
  void parts.queues.refresh();
}
