import type { QueueSpec, Route } from "../../brokers/broker.js";
import { EXCHANGE_TYPES, PRIORITY_ORDERS, QUEUE_TYPES } from "../../brokers/broker.js";
import { DecodeError } from "../../errors.js";
import type { TransactionPlace } from "../../gateway.js";
import { decodeJson, encodeJson } from "../../protocol/content.js";
import type { Message } from "../../protocol/message.js";
import type { TaskMeta } from "../../protocol/task-meta.js";
import { type Fields, fieldsOf, flag, list, number, object, orNull, text } from "./fields.js";
import { parseResultTuple } from "./messages.js";

/**
 * Values of the `Gateway` interface as plain JSON data, for the way between a pool's child and its worker: bytes are base64,
 * instants Unix milliseconds, and results, which may hold dates or bytes, JSON text with typed values.
 * The `…From` functions throw a `DecodeError` that names what is wrong.
 */

export function messageData(message: Message): Fields {
  const { body, headers, properties, contentType, contentEncoding } = message;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return { headers, properties, contentType, contentEncoding, body: bytes.toString("base64") };
}

export function messageFrom(value: unknown): Message {
  const fields = fieldsOf(value, "message");
  return {
    headers: object(fields, "headers"),
    properties: propertiesFrom(object(fields, "properties")),
    body: Buffer.from(text(fields, "body"), "base64"),
    contentType: orNull(text)(fields, "contentType"),
    contentEncoding: orNull(text)(fields, "contentEncoding"),
  };
}

function propertiesFrom(fields: Fields): Message["properties"] {
  for (const name of ["correlation_id", "reply_to", "expiration"]) orNull(text)(fields, name);
  for (const name of ["delivery_mode", "priority"]) orNull(number)(fields, name);
  return fields;
}

export function routeData({ eta, ...route }: Route): Fields {
  return eta ? { ...route, eta: eta.getTime() } : route;
}

export function routeFrom(value: unknown): Route {
  const fields = fieldsOf(value, "route");
  const eta = orNull(number)(fields, "eta");
  const priority = orNull(number)(fields, "priority");
  const mandatory = orNull(flag)(fields, "mandatory");
  return {
    exchange: text(fields, "exchange"),
    routingKey: text(fields, "routingKey"),
    ...(eta === null ? {} : { eta: new Date(eta) }),
    ...(priority === null ? {} : { priority }),
    ...(mandatory === null ? {} : { mandatory }),
  };
}

export function queueFrom(value: unknown): QueueSpec | undefined {
  if (value === null || value === undefined) return undefined;
  const fields = fieldsOf(value, "queue");
  const exchange = orNull(object)(fields, "exchange");
  const routingKey = orNull(text)(fields, "routingKey");
  const maxPriority = orNull(number)(fields, "maxPriority");
  const priorityOrder = orNull(oneOf(PRIORITY_ORDERS))(fields, "priorityOrder");
  const type = orNull(oneOf(QUEUE_TYPES))(fields, "type");
  return {
    name: text(fields, "name"),
    ...(exchange === null
      ? {}
      : { exchange: { name: text(exchange, "name"), type: oneOf(EXCHANGE_TYPES)(exchange, "type") } }),
    ...(routingKey === null ? {} : { routingKey }),
    ...(maxPriority === null ? {} : { maxPriority }),
    ...(priorityOrder === null ? {} : { priorityOrder }),
    ...(type === null ? {} : { type }),
  };
}

function oneOf<T extends string>(known: readonly T[]): (fields: Fields, name: string) => T {
  return (fields, name) => {
    const value = text(fields, name);
    const found = known.find((each) => each === value);
    if (found === undefined)
      throw new DecodeError(`${name}: expected one of ${known.join(", ")}, got ${JSON.stringify(value)}`);
    return found;
  };
}

export function placeFrom(value: unknown): TransactionPlace {
  const fields = fieldsOf(value, "place");
  return { databaseId: text(fields, "databaseId"), replyTo: orNull(text)(fields, "replyTo") };
}

export function metaData({ result, args, kwargs, dateDone, ...meta }: TaskMeta): Fields {
  return {
    ...meta,
    result: encodeJson(result),
    dateDone: dateDone?.getTime() ?? null,
    ...(args === undefined ? {} : { args: encodeJson(args) }),
    ...(kwargs === undefined ? {} : { kwargs: encodeJson(kwargs) }),
  };
}

export function metaFrom(value: unknown): TaskMeta {
  const fields = fieldsOf(value, "meta");
  const dateDone = orNull(number)(fields, "dateDone");
  const optional: Record<string, unknown> = {};
  for (const name of ["groupId", "parentId", "name", "worker", "queue"])
    keep(optional, name, orNull(text)(fields, name));
  keep(optional, "retries", orNull(number)(fields, "retries"));
  for (const name of ["args", "kwargs"]) {
    const encoded = orNull(text)(fields, name);
    if (encoded !== null) optional[name] = decodeJson(encoded);
  }
  return {
    taskId: text(fields, "taskId"),
    status: text(fields, "status"),
    result: decodeJson(text(fields, "result")),
    traceback: orNull(text)(fields, "traceback"),
    children: orNull(list)(fields, "children")?.map(parseResultTuple) ?? null,
    dateDone: dateDone === null ? null : new Date(dateDone),
    ...optional,
  };
}

function keep(target: Record<string, unknown>, name: string, value: unknown): void {
  if (value !== null) target[name] = value;
}
