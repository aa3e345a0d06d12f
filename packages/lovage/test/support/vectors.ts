import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeJson } from "../../src/protocol/content.js";
import type { Message } from "../../src/protocol/message.js";

/**
 * Messages captured from Celery itself, kept beside the repository: in `../shared/vectors`, or where LOVAGE_VECTORS says.
 * Each entry has `name`, `version`, `input` and `captured`; the folder's README says what is in each file.
 */
export type Fields = Readonly<Record<string, unknown>>;
export interface Vector {
  readonly name: string;
  readonly version: string;
  readonly input: Fields;
  readonly captured: Fields;
}

const FOLDER =
  process.env.LOVAGE_VECTORS ?? join(dirname(fileURLToPath(import.meta.url)), "../../../../../shared/vectors");

/** Whether the captures are here. Where they are not, tests of them are skipped; on a CI machine that is a failure. */
export const haveVectors = existsSync(FOLDER);
if (!haveVectors) {
  const reason = `no captured messages in ${FOLDER}: set LOVAGE_VECTORS to the folder that holds them`;
  if (process.env.CI === "true") throw new Error(reason);
  process.stderr.write(`skipped: ${reason}\n`);
}

/** All entries of a file; none when there are no captures. */
export function vectorsOf(file: string): readonly Vector[] {
  if (!haveVectors) return [];
  // The captures hold NaN and long integers, as Python writes them.
  const entries = decodeJson(readFileSync(join(FOLDER, file), "utf8"), { typedValues: false });
  return array(entries).map((entry) => {
    const { name, version, input, captured } = object(entry);
    return { name: String(name), version: String(version), input: object(input), captured: object(captured) };
  });
}

/** A Redis envelope as a driver hands it on. */
export function messageOfEnvelope(envelope: Fields): Message {
  const properties = object(envelope.properties ?? {});
  const body = String(envelope.body);
  return {
    headers: envelope.headers === null ? (null as unknown as Message["headers"]) : object(envelope.headers),
    properties,
    body: properties.body_encoding === "base64" ? Buffer.from(body, "base64") : Buffer.from(body),
    contentType: textOrNull(envelope["content-type"]),
    contentEncoding: textOrNull(envelope["content-encoding"]),
  };
}

export function messageOfRaw(raw: unknown): Message {
  return messageOfEnvelope(object(decodeJson(String(raw), { typedValues: false })));
}

/** A message as captured over AMQP: the body is text, or base64 of what is not. */
export function messageOfAmqp({ properties: given, headers, body_text, body_decoded }: Fields): Message {
  const { content_type, content_encoding, ...properties } = object(given);
  const binary = object(headers).compression !== undefined;
  const inner =
    typeof body_decoded === "object" && body_decoded !== null ? Reflect.get(body_decoded, "base64") : undefined;
  return {
    headers: object(headers),
    properties,
    body:
      typeof inner === "string"
        ? Buffer.from(inner, "base64")
        : Buffer.from(String(body_text), binary ? "base64" : "utf8"),
    contentType: textOrNull(content_type),
    contentEncoding: textOrNull(content_encoding),
  };
}

export function object(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`no object: ${String(value)}`);
  return { ...value };
}
export function array(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`no array: ${String(value)}`);
  return value;
}
function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
