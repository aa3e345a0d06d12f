import type { TaskSent } from "./events.js";
import type { Message } from "./message.js";
import { textOrNull } from "./read-fields.js";

/** The event that tells of a published task, and who sent it; undefined for what is no task. Source: celery-protocol 8.3. */
export function taskSentEvent(
  { headers }: Message,
  route: { readonly exchange: string; readonly routingKey: string },
  queue: string | undefined,
): { readonly fields: TaskSent; readonly origin: string } | undefined {
  const { id, task, origin, retries } = headers;
  if (typeof id !== "string" || typeof task !== "string" || typeof origin !== "string") return undefined;
  return {
    origin,
    fields: {
      type: "task-sent",
      uuid: id,
      root_id: textOrNull(headers.root_id),
      parent_id: textOrNull(headers.parent_id),
      name: task,
      args: textOrNull(headers.argsrepr) ?? "",
      kwargs: textOrNull(headers.kwargsrepr) ?? "",
      retries: typeof retries === "number" ? retries : 0,
      eta: textOrNull(headers.eta),
      expires: textOrNull(headers.expires),
      queue: queue ?? null,
      exchange: route.exchange,
      routing_key: route.routingKey,
    },
  };
}
