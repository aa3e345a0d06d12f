import type { PostgresRow } from "../../connections/postgres.js";
import { BrokerError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";

/** An envelope as its columns keep it. */
export interface Envelope {
  readonly headers: string;
  readonly properties: string;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly body: Buffer;
}

/** The columns that `messageOf` reads. */
export const ENVELOPE_COLUMNS = "headers, properties, content_type, content_encoding, body";

/** A copy, so that what the caller does to its message afterwards does not matter. Throws a `BrokerError` for what text cannot hold. */
export function envelopeOf(message: Message): Envelope {
  const { contentType, contentEncoding } = message;
  refuseNul("content type", contentType);
  refuseNul("content encoding", contentEncoding);
  return {
    headers: JSON.stringify(message.headers),
    properties: JSON.stringify(message.properties),
    contentType,
    contentEncoding,
    body: Buffer.from(message.body),
  };
}

/** PostgreSQL's text holds every character but this one. JSON writes it with an escape. */
export function refuseNul(what: string, text: string | null): void {
  if (text?.includes("\0")) {
    throw new BrokerError(`the ${what} ${JSON.stringify(text)} has a NUL character, which PostgreSQL cannot hold`, {
      code: "bad_name",
    });
  }
}

/** A row whose headers somebody spoilt is delivered without them, so that it can be put aside with its body as evidence. */
export function messageOf(row: PostgresRow): Message {
  return {
    headers: objectFrom(row.headers),
    properties: objectFrom(row.properties),
    body: row.body instanceof Uint8Array ? row.body : new Uint8Array(),
    contentType: textOrNull(row.content_type),
    contentEncoding: textOrNull(row.content_encoding),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function objectFrom(value: unknown): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(String(value));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
