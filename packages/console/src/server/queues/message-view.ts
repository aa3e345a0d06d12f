import type { Redact } from "lovage";
import { decodeBody, decodeJson, decodeTaskMessage, type Message, type PeekedMessage } from "lovage/internal";
import type { QueueMessage } from "../../api/queues.js";
import { redactText, redactValue } from "../ingest/redact.js";
import { apiJson } from "./api-json.js";

/** Bytes of a body that are decoded where there are many messages, and that are shown of any. */
const LISTED_BYTES = 64 * 1024;
const SHOWN_BYTES = 64 * 1024;
/** Bytes of a body that are decoded where it is the only one, or where they are gone through one by one. */
export const SINGLE_BYTES = 1024 * 1024;
/** Characters of a one-line text. */
const LINE = 200;

export interface MessageViewOptions {
  /** Its place in the queue, from 1. */
  readonly position: number;
  /** Whether this user may see arguments and bodies. */
  readonly seesPayloads: boolean;
  /** The program's own redaction, besides what looks like a secret. */
  readonly redact?: Redact | undefined;
  /** Bytes of the longest body that is decoded; of a longer one the beginning is shown as it stands. @default 65,536: for lists */
  readonly decodedBytes?: number;
  /** What `taskNames` said of it, where that is known already. */
  readonly names?: TaskNames;
}

/** Id and name of the task that a message is for. */
export interface TaskNames {
  readonly id: string | null;
  readonly task: string | null;
}

type Envelope = Pick<PeekedMessage, "key" | "message" | "state" | "eta" | "deliveries" | "published">;

/**
 * A message as people see it: decoded where it is JSON, redacted as tasks are, cut where it is long. It comes from anyone who can publish:
 * what cannot be decoded is shown as what it is, and never run, parsed or refused.
 */
export function messageView(peeked: Envelope, options: MessageViewOptions): QueueMessage {
  const { message, published, eta } = peeked;
  const { id, task } = options.names ?? taskNames(message);
  const decoded = decodeTask(message, options);
  const payload = options.seesPayloads ? payloadView(message, decoded, task, options) : HIDDEN;
  return {
    key: peeked.key,
    position: options.position,
    state: peeked.state,
    task,
    id,
    ...payload,
    priority: numberOrNull(message.properties.priority),
    eta: instantOrNull(eta) ?? instantOrNull(decoded?.eta) ?? instantText(message.headers.eta),
    expires: instantOrNull(decoded?.expires) ?? instantText(message.headers.expires),
    sizeBytes: message.body.byteLength,
    deliveries: peeked.deliveries,
    sent: instantOrNull(published),
    origin: textOrNull(message.headers.origin),
    // What the program hides of arguments is in these texts too.
    headers: fieldsView(message.headers, options.seesPayloads && !options.redact),
    properties: fieldsView(message.properties, true),
    contentType: message.contentType ?? "",
    contentEncoding: message.contentEncoding ?? "",
  };
}

type PayloadView = Pick<QueueMessage, "args" | "kwargs" | "body" | "bodyText" | "bodyCut">;
const HIDDEN: PayloadView = { args: null, kwargs: null, body: null, bodyText: "", bodyCut: false };

interface Decoded {
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly eta: Date | undefined;
  readonly expires: Date | undefined;
}

/** Undefined for what is no task, or too long to read for a list. */
function decodeTask(message: Message, { decodedBytes = LISTED_BYTES }: MessageViewOptions): Decoded | undefined {
  if (message.body.byteLength > decodedBytes) return undefined;
  try {
    return decodeTaskMessage(message, { typedValues: false, limits: { maxSize: 4 * decodedBytes } });
  } catch {
    return undefined;
  }
}

function payloadView(
  message: Message,
  decoded: Decoded | undefined,
  task: string | null,
  options: MessageViewOptions,
): PayloadView {
  const { redact } = options;
  const shown = decoded && redact ? redactedBy(redact, task ?? "", decoded) : decoded;
  // What the program's own redaction would hide must not show as a text either.
  if (redact && !shown) return HIDDEN;
  const body = decoded && redact ? { json: [shown?.args, shown?.kwargs] } : jsonOf(message, options);
  return {
    args: shown ? lineOf(clean(shown.args)) : null,
    kwargs: shown ? lineOf(clean(shown.kwargs)) : null,
    ...bodyView(message, body),
  };
}

/** Undefined when it cannot tell what to hide: then all is hidden. */
function redactedBy(
  redact: Redact,
  name: string,
  { args, kwargs }: Decoded,
): Pick<Decoded, "args" | "kwargs"> | undefined {
  try {
    const kept = redact({ name, args, kwargs, result: undefined });
    return { args: kept.args, kwargs: kept.kwargs };
  } catch {
    return undefined;
  }
}

function clean(value: unknown): unknown {
  return apiJson(redactValue(value).value);
}

type BodyView = Pick<QueueMessage, "body" | "bodyText" | "bodyCut">;

function bodyView(message: Message, decoded: { readonly json: unknown } | undefined): BodyView {
  if (!decoded) return rawView(message);
  const shown = clean(decoded.json);
  const text = JSON.stringify(shown);
  if (text.length <= SHOWN_BYTES) return { body: shown, bodyText: text, bodyCut: false };
  return { body: null, bodyText: text.slice(0, SHOWN_BYTES), bodyCut: true };
}

/** What could not be read may hold anything: only what is text by its own word is shown as text, the rest as base64. */
function rawView({ body, contentType }: Message): BodyView {
  const bytes = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, SHOWN_BYTES));
  const isText = contentType?.startsWith("text/") || contentType === "application/json";
  const bodyText = isText ? redactText(bytes.toString("utf8")) : bytes.toString("base64");
  return { body: null, bodyText, bodyCut: body.byteLength > SHOWN_BYTES };
}

function jsonOf(
  { body, contentType, contentEncoding, headers }: Message,
  { decodedBytes = LISTED_BYTES }: MessageViewOptions,
): { readonly json: unknown } | undefined {
  if (body.byteLength > decodedBytes) return undefined;
  try {
    const options = { typedValues: false, limits: { maxSize: 4 * decodedBytes } };
    return { json: decodeBody(body, contentType, contentEncoding, headers.compression, options) };
  } catch {
    return undefined;
  }
}

/** Headers that show arguments. */
const ARGUMENT_HEADERS: ReadonlySet<string> = new Set(["argsrepr", "kwargsrepr"]);

function fieldsView(fields: Readonly<Record<string, unknown>>, showsArguments: boolean): Record<string, unknown> {
  const shown = Object.entries(fields).filter(([name]) => showsArguments || !ARGUMENT_HEADERS.has(name));
  const view = clean(Object.fromEntries(shown));
  return typeof view === "object" && view !== null ? Object.fromEntries(Object.entries(view)) : {};
}

/** Id and name of a task's message, as far as its headers tell; of protocol 1, from its body, unless that is long. Never throws. */
export function taskNames(message: Message): TaskNames {
  const { headers, properties } = message;
  const id = textOrNull(headers.id) ?? textOrNull(properties.correlation_id);
  const task = textOrNull(headers.task);
  if (task !== null || message.contentType !== "application/json" || message.body.byteLength > LISTED_BYTES)
    return { id, task };
  try {
    const body = decodeJson(Buffer.from(message.body).toString("utf8"));
    return { id: id ?? textOrNull(memberOf(body, "id")), task: textOrNull(memberOf(body, "task")) };
  } catch {
    return { id, task };
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function lineOf(value: unknown): string {
  const text = JSON.stringify(value) ?? "";
  return text.length <= LINE ? text : `${text.slice(0, LINE - 1)}…`;
}

function instantOrNull(date: Date | undefined): string | null {
  return date && Number.isFinite(date.getTime()) ? date.toISOString() : null;
}
function instantText(value: unknown): string | null {
  return typeof value === "string" && value.length < 60 ? instantOrNull(new Date(value)) : null;
}
function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, 1000) : null;
}
function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
