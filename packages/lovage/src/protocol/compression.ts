import * as zlib from "node:zlib";
import { ConfigurationError, DecodeError } from "../errors.js";

/** How a body can be compressed. `gzip` is Celery's other name for `zlib`: both are a zlib stream, not a gzip file. */
export const COMPRESSIONS = ["zlib", "gzip", "brotli", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

interface Algorithm {
  /** Value of the `compression` header. */
  readonly header: string;
  compress(bytes: Uint8Array): Uint8Array;
  /** Throws when the output would be longer than `maxSize`. */
  expand(bytes: Uint8Array, maxSize: number): Uint8Array;
}

const ZLIB: Algorithm = {
  header: "application/x-gzip",
  compress: (bytes) => zlib.deflateSync(bytes),
  expand: (bytes, maxOutputLength) => zlib.inflateSync(bytes, { maxOutputLength }),
};
const BROTLI: Algorithm = {
  header: "application/x-brotli",
  compress: (bytes) => zlib.brotliCompressSync(bytes),
  expand: (bytes, maxOutputLength) => zlib.brotliDecompressSync(bytes, { maxOutputLength }),
};
const ZSTD_HEADER = "application/zstd";

/** Known to Celery, not to Node. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ["application/x-bz2", "bzip2"],
  ["application/x-bzip2", "bzip2"],
  ["application/x-lzma", "xz"],
]);

/** Node has zstd from 22.15 on. Its functions have the same shape as zlib's. */
function zstd(): Algorithm | undefined {
  const compress: unknown = Reflect.get(zlib, "zstdCompressSync");
  const expand: unknown = Reflect.get(zlib, "zstdDecompressSync");
  if (typeof compress !== "function" || typeof expand !== "function") return undefined;
  return {
    header: ZSTD_HEADER,
    compress: (bytes) => bytesFrom(compress(bytes)),
    expand: (bytes, maxOutputLength) => bytesFrom(expand(bytes, { maxOutputLength })),
  };
}
function bytesFrom(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError("zlib returned no bytes");
}

/** Compresses. Throws a `ConfigurationError` where this Node lacks the algorithm. */
export function compress(bytes: Uint8Array, name: Compression): { bytes: Uint8Array; header: string } {
  const algorithm = name === "brotli" ? BROTLI : name === "zstd" ? zstd() : ZLIB;
  if (!algorithm) throw new ConfigurationError("zstd compression needs Node 22.15 or later");
  return { bytes: algorithm.compress(bytes), header: algorithm.header };
}

/**
 * Expands what the `compression` header names. Throws a `DecodeError` for an algorithm that is unknown or that this Node
 * lacks, for bytes that are not what they claim to be, and when more than `maxSize` bytes would come out.
 * Source: celery-protocol 2.6.
 */
export function decompress(bytes: Uint8Array, header: string, maxSize: number): Uint8Array {
  const algorithm = algorithmOf(header);
  try {
    return algorithm.expand(bytes, maxSize);
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new DecodeError(`the body expands to more than the limit of ${maxSize} bytes`, { cause });
    }
    throw new DecodeError(`the body is not what its compression header ${header} says`, { cause });
  }
}

function algorithmOf(header: string): Algorithm {
  const algorithm =
    header === ZLIB.header ? ZLIB : header === BROTLI.header ? BROTLI : header === ZSTD_HEADER ? zstd() : undefined;
  if (algorithm) return algorithm;
  if (header === ZSTD_HEADER)
    throw new DecodeError("the body is compressed with zstd, which needs Node 22.15 or later");
  const known = UNSUPPORTED.get(header);
  if (known) throw new DecodeError(`the body is compressed with ${known}, which is not supported`);
  throw new DecodeError(`the body is compressed with ${JSON.stringify(header.slice(0, 80))}, which is unknown`);
}
