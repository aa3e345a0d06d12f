import type { Message } from "../../protocol/message.js";

/**
 * A broadcast as text: a JSON array of routing key, headers, properties, content type, content encoding, and the body in base64.
 * JSON escapes NUL characters, which PostgreSQL's text cannot hold.
 */
export function encodeBroadcast(routingKey: string, message: Message): string {
  const { headers, properties, contentType, contentEncoding, body } = message;
  return JSON.stringify([
    routingKey,
    headers,
    properties,
    contentType,
    contentEncoding,
    Buffer.from(body).toString("base64"),
  ]);
}

/** Undefined for what is no such text: anybody may notify on any channel. */
export function decodeBroadcast(text: string): { readonly routingKey: string; readonly message: Message } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  const [routingKey, headers, properties, contentType, contentEncoding, body]: unknown[] = parsed;
  if (typeof routingKey !== "string" || typeof body !== "string") return undefined;
  return {
    routingKey,
    message: {
      headers: objectOr(headers),
      properties: objectOr(properties),
      contentType: typeof contentType === "string" ? contentType : null,
      contentEncoding: typeof contentEncoding === "string" ? contentEncoding : null,
      body: Buffer.from(body, "base64"),
    },
  };
}

function objectOr(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
