import type { Delivery } from "./brokers/broker.js";
import { formatInstant } from "./protocol/instant.js";
import type { TaskMessage } from "./protocol/task-message.js";
import type { TaskRequest } from "./request.js";

/** Seconds; null for no limit. */
export interface TimeLimits {
  readonly hard: number | null;
  readonly soft: number | null;
}

/** The request that is run: the message's facts, the delivery's, and the limits that hold here. */
export function requestOf(
  message: TaskMessage,
  delivery: Pick<Delivery, "deliveries" | "token" | "queue">,
  limits: TimeLimits,
  hostname: string,
): TaskRequest {
  return {
    id: message.id,
    name: message.task,
    body:
      message.bodyText === undefined ? { args: message.args, kwargs: message.kwargs } : { encoded: message.bodyText },
    retries: message.retries,
    deliveries: delivery.deliveries,
    fencingToken: delivery.token,
    eta: message.eta ? formatInstant(message.eta) : null,
    expires: message.expires ? formatInstant(message.expires) : null,
    hostname,
    queue: delivery.queue,
    rootId: message.rootId ?? message.id,
    parentId: message.parentId,
    groupId: message.group,
    groupIndex: message.groupIndex,
    correlationId: message.correlationId ?? message.id,
    replyTo: message.replyTo,
    origin: message.origin,
    shadow: message.shadow,
    headers: message.headers,
    timeLimit: limits.hard,
    softTimeLimit: limits.soft,
  };
}
