import { JSON_CONTENT_TYPE, readBodyText } from "./content.js";
import { argumentFacts, MAX_FACT_LENGTH, originFacts, stampFacts, type TaskFacts } from "./event-facts.js";
import type { TaskSent } from "./events.js";
import type { Message } from "./message.js";
import { isFields, textOrNull } from "./read-fields.js";

/** The event that tells of a published task, and who sent it; undefined for what is no task. Source: celery-protocol 8.3. */
export function taskSentEvent(
  message: Message,
  route: { readonly exchange: string; readonly routingKey: string },
  queue: string | undefined,
): { readonly fields: TaskSent; readonly origin: string } | undefined {
  const { headers } = message;
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
      lovage: sentFacts(message, queue),
    },
  };
}

function sentFacts({ headers, properties, body, contentType, contentEncoding }: Message, queue?: string): TaskFacts {
  const group = textOrNull(headers.group);
  const { priority } = isFields(properties) ? properties : {};
  const isShortJson =
    contentType === JSON_CONTENT_TYPE && headers.compression === undefined && body.length <= MAX_FACT_LENGTH;
  return {
    ...(isShortJson && argumentFacts(readBodyText(body, contentType, contentEncoding, undefined))),
    ...(queue !== undefined && { queue }),
    ...(group !== null && { group_id: group }),
    ...(typeof priority === "number" && { priority }),
    size: body.length,
    ...(contentType !== null && { content_type: contentType }),
    ...originFacts(headers),
    ...stampFacts(headers.stamps),
  };
}
