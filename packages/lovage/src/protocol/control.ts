import { DecodeError } from "../errors.js";
import { decodeBody, encodeBody } from "./content.js";
import type { Message } from "./message.js";
import { matchesGlob, matchesPattern } from "./node-pattern.js";
import { type Fields, isFields, readArray, readObject, readText, readTextOrNull, textOrNull } from "./read-fields.js";

export { type QueueInfo, queueInfo, type TaskInfo, type TaskInfoParts, taskInfo } from "./inspect-info.js";
export { parseRate } from "./rate.js";

/** Source: celery-protocol 9.1. */
export const CONTROL_EXCHANGE = "celery.pidbox";
export const REPLY_EXCHANGE = "reply.celery.pidbox";

/** Where a reply goes. Wire names. */
export interface ReplyTo {
  readonly exchange: string;
  readonly routing_key: string;
}

/** A remote control command to send. */
export interface ControlRequestFields {
  readonly method: string;
  /** @default {} */
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Node names; with none, all workers, or those that `pattern` matches. */
  readonly destination?: readonly string[] | null;
  readonly pattern?: string | null;
  /** `glob`, or `pcre` for a regular expression that matches from the start. */
  readonly matcher?: string | null;
  /** Both are set when a reply is wanted. */
  readonly ticket?: string | undefined;
  readonly replyTo?: ReplyTo | undefined;
  /** The sender's logical clock. @default 0 */
  readonly clock?: number;
  /** Unix seconds; 0 for never. Workers do not enforce it. @default 0 */
  readonly expires?: number;
}

/** A remote control command as it was received. */
export interface ControlRequest {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly destination: readonly string[] | null;
  readonly pattern: string | null;
  readonly matcher: string | null;
  readonly ticket: string | undefined;
  readonly replyTo: ReplyTo | undefined;
  readonly clock: number;
  readonly expires: number;
}

/** What one worker answers. */
export interface ControlReplyFields {
  /** The worker's node name. */
  readonly hostname: string;
  readonly value: unknown;
  /** The request's. */
  readonly ticket: string | undefined;
  readonly clock: number;
}

export interface ControlReply {
  readonly ticket: string | null;
  readonly clock: number;
  /** Node names and their answers: one, unless somebody gathered several. */
  readonly replies: readonly (readonly [hostname: string, value: unknown])[];
}

/** Throws an `EncodeError` for arguments that JSON cannot carry. */
export function encodeControlRequest(request: ControlRequestFields): Message {
  const {
    method,
    destination = null,
    pattern = null,
    matcher = null,
    ticket,
    replyTo,
    clock = 0,
    expires = 0,
  } = request;
  const asked = { method, arguments: request.arguments ?? {}, destination, pattern, matcher };
  const value = ticket === undefined || replyTo === undefined ? asked : { ...asked, ticket, reply_to: replyTo };
  const { body, contentType, contentEncoding } = encodeBody(value, { place: "request" });
  return {
    headers: { clock, expires },
    properties: { delivery_mode: 2, priority: 0 },
    body,
    contentType,
    contentEncoding,
  };
}

/** Throws `DecodeError` or `ContentDisallowed`. A request that names no address to reply to wants no reply. */
export function decodeControlRequest(message: Message): ControlRequest {
  const { headers, fields } = open(message, "the request");
  return {
    method: readText(fields.method, "method"),
    arguments: readObject(fields.arguments ?? {}, "arguments"),
    destination: readDestination(fields.destination),
    pattern: readTextOrNull(fields.pattern || null, "pattern"),
    matcher: readTextOrNull(fields.matcher || null, "matcher"),
    ticket: textOrNull(fields.ticket) ?? undefined,
    replyTo: readReplyTo(fields.reply_to),
    clock: clockOf(headers),
    expires: typeof headers.expires === "number" ? headers.expires : 0,
  };
}

/** Throws an `EncodeError` for an answer that JSON cannot carry. */
export function encodeControlReply({ hostname, value, ticket, clock }: ControlReplyFields): Message {
  const { body, contentType, contentEncoding } = encodeBody({ [hostname]: value ?? null }, { place: "reply" });
  return {
    headers: { ticket: ticket ?? null, clock },
    properties: { delivery_mode: 1, priority: 0 },
    body,
    contentType,
    contentEncoding,
  };
}

/** Throws `DecodeError` or `ContentDisallowed`. */
export function decodeControlReply(message: Message): ControlReply {
  const { headers, fields } = open(message, "the reply");
  return { ticket: textOrNull(headers.ticket), clock: clockOf(headers), replies: Object.entries(fields) };
}

/**
 * Whether a request is meant for this node: named in `destination`, or else matched by `pattern`, or else everybody.
 * Throws a `DecodeError` for a pattern that is refused (see `node-pattern.ts`). Source: celery-protocol 9.1.
 */
export function isAddressedTo(
  request: Pick<ControlRequest, "destination" | "pattern" | "matcher">,
  node: string,
): boolean {
  const { destination, pattern, matcher } = request;
  if (destination && destination.length > 0) return destination.includes(node);
  if (!pattern || !matcher) return true;
  if (matcher === "glob") return matchesGlob(pattern, node);
  if (matcher === "pcre") return matchesPattern(pattern, node);
  throw new DecodeError(`matcher is ${JSON.stringify(matcher.slice(0, 40))} where glob or pcre belongs`);
}

function open(message: Message, what: string): { headers: Fields; fields: Fields } {
  const headers: Fields = isFields(message.headers) ? message.headers : {};
  const value = decodeBody(message.body, message.contentType, message.contentEncoding, headers.compression);
  return { headers, fields: readObject(value, what) };
}

function readDestination(value: unknown): readonly string[] | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return [value];
  return readArray(value, "destination").map((name) => readText(name, "destination"));
}

function readReplyTo(value: unknown): ReplyTo | undefined {
  if (value === null || value === undefined) return undefined;
  const fields = readObject(value, "reply_to");
  return {
    exchange: textOrNull(fields.exchange) ?? REPLY_EXCHANGE,
    routing_key: readText(fields.routing_key, "reply_to.routing_key"),
  };
}

/** A clock that is no clock is no reason to refuse a command. */
function clockOf({ clock }: Fields): number {
  return typeof clock === "number" && Number.isSafeInteger(clock) && clock >= 0 ? clock : 0;
}
