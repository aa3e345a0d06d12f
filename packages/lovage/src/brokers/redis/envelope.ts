import { decodeJson } from "../../protocol/content.js";
import type { Message, MessageProperties } from "../../protocol/message.js";
import { newId } from "../../util/ids.js";
import type { Route } from "../broker.js";

/**
 * kombu's envelope (celery-protocol 4.3), to which we add one member that kombu ignores and keeps:
 *
 *   {"lovage": [deliveries, begins, ready since, priority], "body": …, "content-encoding": …, "content-type": …, "headers": {…},
 *    "properties": {…, "delivery_info": {…}, "body_encoding": "base64", "delivery_tag": "…", "priority": 0}}
 *
 * - deliveries, begins: how often it was handed out before, and how often work on it began
 * - ready since: Unix milliseconds at which it was published, or fell due
 * - priority: the caller's, since the one in the properties says where kombu restores it; left out when the caller gave none
 *
 * A message of Python's that was given back has only the first two.
 *
 * The scripts change it as text: it begins with `{"lovage": [`, and ends with a priority of one digit and two braces.
 */
export function encodeEnvelope(message: Message, { exchange, routingKey, priority }: Route, nowMs: number): string {
  const { headers, properties, body, contentType, contentEncoding } = message;
  let others = "";
  for (const name in properties) {
    if (TRANSPORT_PROPERTIES.has(name)) continue;
    const json: string | undefined = JSON.stringify(properties[name]);
    if (json !== undefined) others += `${JSON.stringify(name)}: ${json}, `;
  }
  const original: string | undefined = JSON.stringify(properties.priority);
  const info = `{"exchange": ${JSON.stringify(exchange)}, "routing_key": ${JSON.stringify(routingKey)}}`;
  return `{"lovage": [0, 0, ${nowMs}${original === undefined ? "" : `, ${original}`}], "body": "${base64(body)}", "content-encoding": ${JSON.stringify(contentEncoding)}, "content-type": ${JSON.stringify(contentType)}, "headers": ${JSON.stringify(headers)}, "properties": {${others}"delivery_info": ${info}, "body_encoding": "base64", "delivery_tag": "${newId()}", "priority": ${digit(properties.priority ?? priority)}}}`;
}

/** What the transport writes among the properties; readers get the message without. */
const TRANSPORT_PROPERTIES: ReadonlySet<string> = new Set([
  "delivery_info",
  "body_encoding",
  "delivery_tag",
  "priority",
]);

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

/** A priority as kombu takes it: 0 to 9 (celery-protocol 4.2). */
function digit(priority: unknown): number {
  return typeof priority === "number" && priority > 0 ? Math.min(9, Math.floor(priority)) : 0;
}

export interface Envelope {
  readonly message: Message;
  readonly exchange: string;
  readonly routingKey: string;
  /** How often it was handed out before. */
  readonly deliveries: number;
  /** Unix milliseconds; undefined when others published it. */
  readonly readySinceMs: number | undefined;
  readonly deliveryTag: string | undefined;
  /** False for what is no envelope: the message is then its bytes, so that it can be put aside as evidence. */
  readonly sound: boolean;
}

/** Reads a list's entry, whoever wrote it. Never throws. */
export function decodeEnvelope(raw: Buffer): Envelope {
  const parsed = parse(raw.toString());
  if (!isRecord(parsed) || !("body" in parsed)) return unsound(raw);
  const properties = isRecord(parsed.properties) ? parsed.properties : {};
  const info = isRecord(properties.delivery_info) ? properties.delivery_info : {};
  const headers = isRecord(parsed.headers) ? parsed.headers : {};
  const ours: readonly unknown[] | undefined = Array.isArray(parsed.lovage) ? parsed.lovage : undefined;
  const marked = headers.redelivered === true;
  // kombu's mark, which is the transport's and must not be taken along into what the task publishes.
  if (marked) delete headers.redelivered;
  const deliveries: unknown = ours?.[0];
  const since: unknown = ours?.[2];
  return {
    message: {
      headers,
      properties: callersProperties(properties, ours),
      body: bodyOf(parsed.body, properties.body_encoding),
      contentType: textOrNull(parsed["content-type"]),
      contentEncoding: textOrNull(parsed["content-encoding"]),
    },
    exchange: typeof info.exchange === "string" ? info.exchange : "",
    routingKey: typeof info.routing_key === "string" ? info.routing_key : "",
    // One of ours that a Python worker took and lost is marked only: kombu does not count.
    deliveries: Math.max(typeof deliveries === "number" ? deliveries : 0, marked ? 1 : 0),
    readySinceMs: typeof since === "number" ? since : undefined,
    deliveryTag: typeof properties.delivery_tag === "string" ? properties.delivery_tag : undefined,
    sound: true,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Python's JSON knows NaN and Infinity.
    try {
      return decodeJson(text, { typedValues: false, maxSize: Number.POSITIVE_INFINITY });
    } catch {
      return undefined;
    }
  }
}

function unsound(raw: Buffer): Envelope {
  return {
    message: { headers: {}, properties: {}, body: raw, contentType: null, contentEncoding: null },
    exchange: "",
    routingKey: "",
    deliveries: 0,
    readySinceMs: undefined,
    deliveryTag: undefined,
    sound: false,
  };
}

function callersProperties(
  properties: Record<string, unknown>,
  ours: readonly unknown[] | undefined,
): MessageProperties {
  const { delivery_info: _, body_encoding: __, delivery_tag: ___, priority: written, ...rest } = properties;
  const callers: Record<string, unknown> = rest;
  // Two members: a Python message that was given back. Its priority is what is written.
  const priority: unknown = ours && ours.length > 2 ? ours[3] : written;
  if (priority !== undefined) callers.priority = priority;
  return callers;
}

/** The bytes as they were sent; those of the text itself when it is not what its encoding says. */
function bodyOf(body: unknown, encoding: unknown): Uint8Array {
  if (typeof body !== "string") return Buffer.from(JSON.stringify(body) ?? "");
  if (encoding !== "base64") return Buffer.from(body);
  const bytes = Buffer.from(body, "base64");
  const padding = body.endsWith("==") ? 2 : body.endsWith("=") ? 1 : 0;
  return bytes.length === Math.floor((body.length * 3) / 4) - padding ? bytes : Buffer.from(body);
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
