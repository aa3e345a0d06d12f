import { isUtf8 } from "node:buffer";
import { ContentDisallowed, DecodeError } from "../errors.js";
import { type Compression, compress, decompress } from "./compression.js";
import { DEFAULT_MAX_SIZE, type DecodeJsonOptions, type DecodeLimits, decodeJson } from "./json-decode.js";
import { type EncodeJsonOptions, encodeJson } from "./json-encode.js";

export { COMPRESSIONS, type Compression } from "./compression.js";
export {
  type DecodeJsonOptions,
  type DecodeLimits,
  decodeJson,
  type JsonObject,
  type JsonValue,
} from "./json-decode.js";
export { type EncodeJsonOptions, encodeJson } from "./json-encode.js";

export const JSON_CONTENT_TYPE = "application/json";
export const JSON_CONTENT_ENCODING = "utf-8";

/** Celery's names of content types. Source: celery-protocol 2.6. */
const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ["json", JSON_CONTENT_TYPE],
  ["pickle", "application/x-python-serialize"],
  ["yaml", "application/x-yaml"],
  ["msgpack", "application/x-msgpack"],
  ["raw", "application/data"],
]);

export interface DecodeBodyOptions {
  /** Content types that are decoded, by Celery's names (`json`) or in full. @default ["json"] */
  readonly acceptContent?: readonly string[] | undefined;
  readonly limits?: DecodeLimits | undefined;
  /** See `DecodeJsonOptions.typedValues`. @default true */
  readonly typedValues?: boolean | undefined;
}

/**
 * The value in a message's body. Throws `ContentDisallowed` for a content type that is not accepted (also with parameters, such
 * as a charset), and `DecodeError` for everything else that is wrong. JSON is the only type that is decoded at all:
 * `application/data`, where accepted, comes back as its bytes.
 */
export function decodeBody(
  bytes: Uint8Array,
  contentType: string | null,
  contentEncoding: string | null,
  compression: unknown,
  options: DecodeBodyOptions = {},
): unknown {
  checkAccepted(contentType, options.acceptContent);
  const expanded = expandBody(bytes, compression, options.limits);
  if (contentType !== JSON_CONTENT_TYPE) return expanded;
  return decodeJson(textOf(expanded, contentEncoding), jsonOptions(options));
}

/**
 * The JSON text in a message's body, checked and decompressed but not parsed: for handing large arguments on to where they are
 * used. Throws as `decodeBody` does.
 */
export function readBodyText(
  bytes: Uint8Array,
  contentType: string | null,
  contentEncoding: string | null,
  compression: unknown,
  options: DecodeBodyOptions = {},
): string {
  checkAccepted(contentType, options.acceptContent);
  if (contentType !== JSON_CONTENT_TYPE) throw new DecodeError(`the body is ${contentType}, not JSON`);
  return textOf(expandBody(bytes, compression, options.limits), contentEncoding);
}

export interface EncodeBodyOptions extends EncodeJsonOptions {
  /** @default none */
  readonly compression?: Compression | undefined;
}
export interface EncodedBody {
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding: string;
  /** For the header `compression`; undefined when the body is not compressed. */
  readonly compression: string | undefined;
}

/** A value as a JSON body. Throws an `EncodeError` as `encodeJson` does. */
export function encodeBody(value: unknown, options: EncodeBodyOptions = {}): EncodedBody {
  return bodyOfText(encodeJson(value, options), options.compression);
}

/** A body of JSON text that has been written already. */
export function bodyOfText(text: string, compression?: Compression): EncodedBody {
  const bytes = Buffer.from(text, "utf8");
  const described = { contentType: JSON_CONTENT_TYPE, contentEncoding: JSON_CONTENT_ENCODING };
  if (compression === undefined) return { body: bytes, ...described, compression: undefined };
  const compressed = compress(bytes, compression);
  return { body: compressed.bytes, ...described, compression: compressed.header };
}

function jsonOptions({ limits, typedValues }: DecodeBodyOptions): DecodeJsonOptions | undefined {
  return typedValues === undefined ? limits : { ...limits, typedValues };
}

function checkAccepted(contentType: string | null, acceptContent: readonly string[] | undefined): void {
  const accepted = acceptContent ?? ["json"];
  if (contentType === null) throw new ContentDisallowed("the message names no content type");
  // Nearly every message passes here: no list is built for it.
  if (contentType === JSON_CONTENT_TYPE && (accepted.includes("json") || accepted.includes(JSON_CONTENT_TYPE))) return;
  if (!accepted.some((name) => (CONTENT_TYPES.get(name) ?? name) === contentType)) {
    const shown = JSON.stringify(String(contentType).slice(0, 80));
    throw new ContentDisallowed(
      `content type ${shown} is not accepted here; acceptContent lists ${accepted.join(", ")}`,
    );
  }
  if (contentType !== JSON_CONTENT_TYPE && contentType !== CONTENT_TYPES.get("raw")) {
    throw new ContentDisallowed(`content type ${contentType} is accepted by the settings but cannot be decoded`);
  }
}

function expandBody(bytes: Uint8Array, compression: unknown, limits: DecodeLimits = {}): Uint8Array {
  const maxSize = limits.maxSize ?? DEFAULT_MAX_SIZE;
  if (bytes.length > maxSize)
    throw new DecodeError(`a body of ${bytes.length} bytes is longer than the limit of ${maxSize}`);
  if (compression === undefined || compression === null) return bytes;
  if (typeof compression !== "string")
    throw new DecodeError(`the compression header is ${typeof compression}, not text`);
  return decompress(bytes, compression, maxSize);
}

const UTF8_NAMES: ReadonlySet<string> = new Set(["utf-8", "utf8", "binary", "us-ascii", "ascii"]);
const LATIN1_NAMES: ReadonlySet<string> = new Set(["iso-8859-1", "latin-1", "latin1"]);

function textOf(bytes: Uint8Array, contentEncoding: string | null): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = contentEncoding === null ? "utf-8" : contentEncoding.toLowerCase();
  if (UTF8_NAMES.has(name)) {
    if (!isUtf8(buffer)) throw new DecodeError("the body is not UTF-8 text");
    return buffer.toString("utf8");
  }
  if (LATIN1_NAMES.has(name)) return buffer.toString("latin1");
  throw new DecodeError(`content encoding ${JSON.stringify(name.slice(0, 80))} is not supported for JSON`);
}
