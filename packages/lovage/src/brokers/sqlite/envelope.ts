import type { SqlRow, SqlValue } from "../../connections/sqlite-driver.js";
import type { Message } from "../../protocol/message.js";

export type EnvelopeValues = readonly [
  headers: string,
  properties: string,
  contentType: string | null,
  contentEncoding: string | null,
  body: Uint8Array,
];

/** The columns of an envelope, in the order of `envelopeValues`. */
export const ENVELOPE_COLUMNS = "headers, properties, content_type, content_encoding, body";

export function envelopeValues(message: Message): EnvelopeValues {
  return [
    JSON.stringify(message.headers),
    JSON.stringify(message.properties),
    message.contentType,
    message.contentEncoding,
    message.body,
  ];
}

/** A row whose headers somebody spoilt is delivered without them, so that it can be put aside with its body as evidence. */
export function messageOf(row: SqlRow): Message {
  return {
    headers: objectFrom(row.headers),
    properties: objectFrom(row.properties),
    body: row.body instanceof Uint8Array ? row.body : new TextEncoder().encode(String(row.body ?? "")),
    contentType: textOrNull(row.content_type),
    contentEncoding: textOrNull(row.content_encoding),
  };
}

function textOrNull(value: SqlValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function objectFrom(value: SqlValue | undefined): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(String(value));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
