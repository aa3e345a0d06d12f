import { EXCHANGE_TYPES, QUEUE_TYPES, type QueueSpec, type Route } from "../brokers/broker.js";
import { DecodeError } from "../errors.js";
import { type Fields, isFields, readObject, readText, textOrNull } from "../protocol/read-fields.js";
import type { OutboxEntry } from "./outbox.js";

/**
 * The columns of `outbox`: `message` is JSON of the envelope without its body, `{headers, properties, contentType, contentEncoding}`,
 * `route` JSON of `{exchange, routingKey, eta, priority, mandatory, queue}`, `eta` an ISO instant.
 */
export interface OutboxColumns {
  readonly message: string;
  readonly body: Buffer;
  readonly route: string;
}

export function encodeEntry({ message, route, queue }: OutboxEntry): OutboxColumns {
  const { body, ...envelope } = message;
  return { message: JSON.stringify(envelope), body: Buffer.from(body), route: JSON.stringify({ ...route, queue }) };
}

/** An entry, or a `DecodeError` that says what is wrong with it. */
export function decodeEntry(row: Fields): OutboxEntry | Error {
  try {
    const envelope = readObject(JSON.parse(String(row.message)), "message");
    const route = readObject(JSON.parse(String(row.route)), "route");
    if (!(row.body instanceof Uint8Array)) throw new DecodeError("body: expected bytes");
    return {
      message: {
        headers: readObject(envelope.headers, "headers"),
        properties: propertiesOf(envelope.properties),
        body: row.body,
        contentType: textOrNull(envelope.contentType),
        contentEncoding: textOrNull(envelope.contentEncoding),
      },
      route: routeOf(route),
      queue: isFields(route.queue) ? queueOf(route.queue) : undefined,
    };
  } catch (cause) {
    return new DecodeError(`an entry of the outbox cannot be read: ${String(cause)}`, { cause });
  }
}

function propertiesOf(value: unknown): OutboxEntry["message"]["properties"] {
  const fields = readObject(value, "properties");
  for (const name of ["correlation_id", "reply_to", "expiration"])
    if (fields[name] !== undefined && typeof fields[name] !== "string")
      throw new DecodeError(`${name}: expected a text`);
  for (const name of ["delivery_mode", "priority"])
    if (fields[name] !== undefined && typeof fields[name] !== "number")
      throw new DecodeError(`${name}: expected a number`);
  return fields;
}

function routeOf(fields: Fields): Route {
  const { exchange, routingKey, eta, priority, mandatory } = fields;
  if (typeof exchange !== "string" || typeof routingKey !== "string")
    throw new DecodeError("route: expected texts as exchange and routingKey");
  const due = typeof eta === "string" ? new Date(eta) : undefined;
  if (due && Number.isNaN(due.getTime())) throw new DecodeError(`eta: expected an instant, got ${String(eta)}`);
  return {
    exchange,
    routingKey,
    ...(due && { eta: due }),
    ...(typeof priority === "number" && { priority }),
    ...(typeof mandatory === "boolean" && { mandatory }),
  };
}

function queueOf(fields: Fields): QueueSpec {
  const { exchange, routingKey, maxPriority, priorityOrder, type } = fields;
  const queueType = QUEUE_TYPES.find((known) => known === type);
  return {
    name: readText(fields.name, "queue.name"),
    ...(isFields(exchange) && { exchange: exchangeOf(exchange) }),
    ...(typeof routingKey === "string" && { routingKey }),
    ...(typeof maxPriority === "number" && { maxPriority }),
    ...((priorityOrder === "celery" || priorityOrder === "lovage") && { priorityOrder }),
    ...(queueType && { type: queueType }),
  };
}

function exchangeOf({ name, type }: Fields): NonNullable<QueueSpec["exchange"]> {
  const known = EXCHANGE_TYPES.find((each) => each === type);
  if (!known) throw new DecodeError(`queue.exchange.type: expected one of ${EXCHANGE_TYPES.join(", ")}`);
  return { name: readText(name, "queue.exchange.name"), type: known };
}
