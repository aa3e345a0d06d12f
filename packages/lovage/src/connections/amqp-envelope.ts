import { BrokerError } from "../errors.js";
import type { Message } from "../protocol/message.js";
import type { ClientMessage, ClientPublishOptions } from "./amqp-client.js";

/**
 * The header in which travels, as JSON text, what AMQP's properties and header tables cannot carry as it is. Only messages that
 * need it have it; those of Celery's protocol never do. Members, each only where needed:
 * `headers` and `properties`: entries to put back; `implied`: properties that were added on the way and are none of the message's.
 */
const ENVELOPE_HEADER = "x-lovage-envelope";

interface Envelope {
  readonly headers?: Record<string, unknown>;
  readonly properties?: Record<string, unknown>;
  readonly implied?: readonly string[];
}

/** Headers that mean something to RabbitMQ itself: it would act on them, or refuse the message. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set(["CC", "BCC", ENVELOPE_HEADER]);
/** Bytes that a short string of AMQP can have. */
const SHORT = 255;
/** RabbitMQ's largest number of milliseconds to live. */
const LONGEST_EXPIRATION = 2 ** 32 - 1;

type ShortText = "correlation_id" | "reply_to" | "message_id" | "type" | "app_id";
const SHORT_TEXTS = {
  correlation_id: "correlationId",
  reply_to: "replyTo",
  message_id: "messageId",
  type: "type",
  app_id: "appId",
} as const;

export interface EncodeOptions {
  /** 0 to 9. @default what the message's own property says */
  readonly priority?: number | undefined;
  /** The message is to wait in the broker: it must not expire there. */
  readonly delayed?: boolean;
}

/**
 * A message as amqplib publishes it. It is persistent unless its `delivery_mode` says otherwise.
 * Throws a `BrokerError` that names the header when a value is none that JSON has.
 */
export function encodeEnvelope(message: Message, options: EncodeOptions = {}): ClientPublishOptions {
  const headers: Record<string, unknown> = {};
  const strayHeaders = writeHeaders(message.headers, headers);
  const publish: ClientPublishOptions = { headers };
  const implied: string[] = [];
  const strayProperties = writeProperties(message.properties, publish, options, implied);
  writeContent(message, publish, strayProperties);
  if (publish.deliveryMode === undefined) {
    publish.deliveryMode = 2;
    implied.push("delivery_mode");
  }
  if (strayHeaders || strayProperties.size > 0 || implied.length > 0) {
    headers[ENVELOPE_HEADER] = JSON.stringify({
      ...(strayHeaders && { headers: strayHeaders }),
      ...(strayProperties.size > 0 && { properties: Object.fromEntries(strayProperties) }),
      ...(implied.length > 0 && { implied }),
    });
  }
  return publish;
}

function writeHeaders(from: Message["headers"], into: Record<string, unknown>): Record<string, unknown> | undefined {
  let stray: Record<string, unknown> | undefined;
  for (const name in from) {
    const value = from[name];
    if (value === undefined) continue;
    if (isCarried(value, 0) && isShort(name) && !RESERVED_HEADERS.has(name)) {
      into[name] = tableValue(value);
      continue;
    }
    const plain = jsonOf(name, value);
    if (plain === undefined) continue;
    stray ??= {};
    Object.defineProperty(stray, name, { value: plain, enumerable: true });
  }
  return stray;
}

/**
 * A value as every peer reads it from a table. amqplib by itself writes whole numbers in the fewest bytes, as `b` and `s`, RabbitMQ's signed
 * byte and short. Python's client takes `b` for an unsigned byte, and `s` for a short *string*: it loses its place in the frame, and
 * then its connection. Source: amqp/serialization.py, `_read_item` (5.1); rabbitmq.com/amqp-0-9-1-errata, "Field types".
 */
function tableValue(value: unknown): unknown {
  if (typeof value === "number") return tableNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(tableValue);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, tableValue(each)]));
}

function tableNumber(value: number): unknown {
  // From 2 ** 50 on amqplib takes every number for a whole one.
  if (!Number.isInteger(value)) return Math.abs(value) < 2 ** 50 ? value : { "!": "double", value };
  if (value >= 0 && value < 2 ** 7) return value;
  if (value >= -(2 ** 31) && value < 2 ** 31) return { "!": "int", value };
  // Python takes a long for an unsigned one.
  return { "!": value > 0 ? "long" : "double", value };
}

function jsonOf(name: string, value: unknown): unknown {
  try {
    const text: string | undefined = JSON.stringify(value);
    return text === undefined ? undefined : JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError(`the header ${JSON.stringify(name)} cannot be sent: ${why}`, {
      code: "message_not_encodable",
      cause,
    });
  }
}

/** Whether an AMQP table gives back just this value. */
function isCarried(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      // Beyond, amqplib writes 64-bit integers, where JSON's readers expect a fraction to stay one.
      return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && !Object.is(value, -0);
    case "object":
      return value === null || (depth < 32 && isCarriedObject(value, depth + 1));
    default:
      return false;
  }
}

function isCarriedObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) return value.every((each) => isCarried(each, depth));
  const prototype: unknown = Object.getPrototypeOf(value);
  // Dates and the like are what JSON makes of them; amqplib takes a member named "!" for a type.
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value || "!" in value) return false;
  for (const [name, each] of Object.entries(value)) {
    if (name === "__proto__" || !isShort(name) || !isCarried(each, depth)) return false;
  }
  return true;
}

function isShort(text: string): boolean {
  // No character takes more than three bytes per UTF-16 unit.
  return text.length * 3 <= SHORT || Buffer.byteLength(text) <= SHORT;
}

function writeProperties(
  from: Message["properties"],
  into: ClientPublishOptions,
  { priority, delayed = false }: EncodeOptions,
  implied: string[],
): Map<string, unknown> {
  const stray = new Map<string, unknown>();
  for (const name in from) {
    const value = from[name];
    if (value === undefined || writeProperty(name, value, into, delayed)) continue;
    const plain = jsonOf(name, value);
    if (plain !== undefined) stray.set(name, plain);
  }
  if (priority !== undefined && priority !== into.priority) {
    // The route's priority is for the broker; the message keeps what it says of itself.
    if (into.priority === undefined) implied.push("priority");
    else stray.set("priority", into.priority);
    into.priority = Math.max(0, Math.min(255, Math.trunc(priority) || 0));
  }
  return stray;
}

function writeProperty(name: string, value: unknown, into: ClientPublishOptions, delayed: boolean): boolean {
  switch (name) {
    case "correlation_id":
    case "reply_to":
    case "message_id":
    case "type":
    case "app_id":
      return writeShortText(name, value, into);
    case "delivery_mode":
      if (value !== 1 && value !== 2) return false;
      into.deliveryMode = value;
      return true;
    case "priority":
      if (!isWhole(value, 255)) return false;
      into.priority = value;
      return true;
    case "timestamp":
      if (!isWhole(value, Number.MAX_SAFE_INTEGER)) return false;
      into.timestamp = value;
      return true;
    case "expiration":
      // RabbitMQ closes the channel for one that is no number; and one that waits for its ETA would come before it.
      if (delayed || typeof value !== "string" || !/^(0|[1-9]\d{0,9})$/.test(value)) return false;
      if (Number(value) > LONGEST_EXPIRATION) return false;
      into.expiration = value;
      return true;
    default:
      // user_id among them: RabbitMQ refuses one that is not the connection's own.
      return false;
  }
}

function writeShortText(name: ShortText, value: unknown, into: ClientPublishOptions): boolean {
  if (typeof value !== "string" || !isShort(value)) return false;
  into[SHORT_TEXTS[name]] = value;
  return true;
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most && !Object.is(value, -0);
}

function writeContent(
  { contentType, contentEncoding }: Message,
  into: ClientPublishOptions,
  stray: Map<string, unknown>,
): void {
  if (contentType !== null) {
    if (isShort(contentType)) into.contentType = contentType;
    else stray.set("content_type", contentType);
  }
  if (contentEncoding !== null) {
    if (isShort(contentEncoding)) into.contentEncoding = contentEncoding;
    else stray.set("content_encoding", contentEncoding);
  }
}

/** Headers that RabbitMQ adds to a message that it moved itself. Source: rabbitmq.com/docs/dlx, rabbitmq.com/docs/quorum-queues. */
const DEATH_HEADERS = ["x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason"] as const;
const LAST_DEATH_HEADERS = ["x-last-death-exchange", "x-last-death-queue", "x-last-death-reason"] as const;
const COUNT_HEADERS: ReadonlySet<string> = new Set(["x-delivery-count", "x-acquired-count"]);
const ALL_DEATH_HEADERS: ReadonlySet<string> = new Set([...DEATH_HEADERS, ...LAST_DEATH_HEADERS]);

/** What was published, from what arrived: whatever it holds, never an error. `delayed`: it waited for its ETA in the broker. */
export function decodeEnvelope({ content, properties }: ClientMessage, delayed = false): Message {
  const found = isRecord(properties.headers) ? properties.headers : {};
  const envelope = readEnvelope(found[ENVELOPE_HEADER]);
  const headers: Record<string, unknown> = {};
  for (const name of Object.keys(found)) {
    if (name === ENVELOPE_HEADER && envelope) continue;
    if (COUNT_HEADERS.has(name) || (delayed && ALL_DEATH_HEADERS.has(name))) continue;
    put(headers, name, plainValue(found[name], 0));
  }
  const read = readProperties(properties);
  let contentType = textOrNull(properties.contentType);
  let contentEncoding = textOrNull(properties.contentEncoding);
  if (envelope) {
    for (const name of envelope.implied ?? []) delete read[name];
    for (const [name, value] of Object.entries(envelope.properties ?? {})) {
      if (name === "content_type") contentType = textOrNull(value);
      else if (name === "content_encoding") contentEncoding = textOrNull(value);
      else put(read, name, value);
    }
    for (const [name, value] of Object.entries(envelope.headers ?? {})) put(headers, name, value);
  }
  return { headers, properties: read, body: content, contentType, contentEncoding };
}

function readProperties(from: ClientMessage["properties"]): Record<string, unknown> {
  const into: Record<string, unknown> = {};
  const { correlationId, replyTo, deliveryMode, priority, expiration, messageId, timestamp, type, appId } = from;
  if (correlationId !== undefined) into.correlation_id = correlationId;
  if (replyTo !== undefined) into.reply_to = replyTo;
  if (deliveryMode !== undefined) into.delivery_mode = deliveryMode;
  if (priority !== undefined) into.priority = priority;
  if (expiration !== undefined) into.expiration = expiration;
  if (messageId !== undefined) into.message_id = messageId;
  if (timestamp !== undefined) into.timestamp = timestamp;
  if (type !== undefined) into.type = type;
  if (appId !== undefined) into.app_id = appId;
  return into;
}

function readEnvelope(header: unknown): Envelope | undefined {
  if (typeof header !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(header);
    if (!isRecord(value)) return undefined;
    const { headers, properties, implied } = value;
    return {
      ...(isRecord(headers) && { headers }),
      ...(isRecord(properties) && { properties }),
      ...(Array.isArray(implied) && { implied: implied.filter((each) => typeof each === "string") }),
    };
  } catch {
    // Somebody else's header of that name: it stays where it is.
    return undefined;
  }
}

/** What JSON can say of a value from an AMQP table: timestamps as ISO instants, bytes as the text they are or base64. */
function plainValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "object":
      return value === null || depth > 64 ? null : plainObject(value, depth + 1);
    default:
      return null;
  }
}

function plainObject(value: object, depth: number): unknown {
  if (Array.isArray(value)) return value.map((each) => plainValue(each, depth));
  if (value instanceof Uint8Array) return textOfBytes(value);
  const tagged = "!" in value ? taggedValue(value) : undefined;
  if (tagged !== undefined) return tagged;
  const plain: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(value)) put(plain, name, plainValue(each, depth));
  return plain;
}

/** amqplib's form of types that JavaScript lacks. */
function taggedValue(value: object): string | number | null | undefined {
  const kind: unknown = Reflect.get(value, "!");
  const inner: unknown = Reflect.get(value, "value");
  if (kind === "timestamp" && typeof inner === "number") {
    const date = new Date(inner * 1000);
    return Number.isNaN(date.getTime()) ? inner : date.toISOString();
  }
  if (kind === "decimal" && isRecord(inner)) return Number(inner.digits) / 10 ** Number(inner.places);
  return undefined;
}

function textOfBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString("base64");
  }
}

/** Sets a member and nothing else, whatever it is named. */
function put(into: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(into, name, { value, enumerable: true, writable: true, configurable: true });
  else into[name] = value;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
