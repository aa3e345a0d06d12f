import type { ClientConnection } from "./amqp-client.js";

/**
 * Python's client writes integers beyond 32 bits under the tag `L`, and may write 16-bit ones under `U`; amqplib knows them as `l` and
 * `s` only, and gives up the connection at a tag it does not know. One such header, of anybody's, would come back with every new
 * connection and end it too. So tags are put right in place, before amqplib looks at the frame: the bytes that follow are the same.
 * Source: amqp/serialization.py, `_write_item`; rabbitmq.com/amqp-0-9-1-errata, "Field types".
 */
const SYNONYMS: ReadonlyMap<number, number> = new Map([
  [code("L"), code("l")],
  [code("U"), code("s")],
]);

/** Bytes of a value by its tag. */
const SIZES: ReadonlyMap<number, number> = new Map(
  Object.entries({ t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, d: 8, T: 8, V: 0 }).map(
    ([tag, size]) => [code(tag), size],
  ),
);
/** Values that begin with their length in four bytes. */
const TEXTS: ReadonlySet<number> = new Set([code("S"), code("x")]);
const TABLE = code("F");
const ARRAY = code("A");

/** Tables in tables, at most. */
const MAX_DEPTH = 100;

const HEADER_FRAME = 2;
const FRAME_START = 7;
/** Class, weight, size of the body, flags. */
const FLAGS_AT = 12;
const HAS_CONTENT_TYPE = 0x8000;
const HAS_CONTENT_ENCODING = 0x4000;
const HAS_HEADERS = 0x2000;

/** Has the connection read what Python writes. Does nothing where amqplib is not built as it was: then it reads as it does by itself. */
export function readForeignTags(connection: ClientConnection): void {
  const inner: unknown = Reflect.get(connection, "connection");
  if (typeof inner !== "object" || inner === null) return;
  const receive: unknown = Reflect.get(inner, "recvFrame");
  if (typeof receive !== "function") return;
  // amqplib calls it again when more bytes have come, so each frame passes here whole once.
  Reflect.set(inner, "recvFrame", () => {
    const rest: unknown = Reflect.get(inner, "rest");
    if (Buffer.isBuffer(rest)) putTagsRight(rest);
    return Reflect.apply(receive, inner, []);
  });
}

/** Rewrites the tags in the headers of the frame that `bytes` begin with, if it is a content header and whole. Never throws. */
export function putTagsRight(bytes: Buffer): void {
  if (bytes.length < FRAME_START || bytes[0] !== HEADER_FRAME) return;
  const end = FRAME_START + bytes.readUInt32BE(3);
  if (bytes.length < end || end < FRAME_START + FLAGS_AT + 2) return;
  const flags = bytes.readUInt16BE(FRAME_START + FLAGS_AT);
  if (!(flags & HAS_HEADERS)) return;
  let at = FRAME_START + FLAGS_AT + 2;
  if (flags & HAS_CONTENT_TYPE) at += 1 + (bytes[at] ?? 0);
  if (flags & HAS_CONTENT_ENCODING) at += 1 + (bytes[at] ?? 0);
  new TableWalk(bytes, end).members(at, true, 0);
}

/** Goes through nested tables and arrays. Ends where something is not as it should be: amqplib says so. */
class TableWalk {
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, end: number) {
    this.#bytes = bytes;
    this.#end = end;
  }

  /** The members of the table or array whose length is at `at`. Returns where it ends; undefined when it is broken. */
  members(at: number, named: boolean, depth: number): number | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const size = this.#length(at);
    if (size === undefined) return undefined;
    const end = at + 4 + size;
    if (end > this.#end) return undefined;
    let next: number | undefined = at + 4;
    while (next !== undefined && next < end) {
      if (named) next += 1 + (this.#bytes[next] ?? 0);
      next = this.#value(next, depth);
    }
    return next;
  }

  #value(at: number, depth: number): number | undefined {
    const found = this.#bytes[at];
    if (found === undefined || at >= this.#end) return undefined;
    const tag = SYNONYMS.get(found) ?? found;
    if (tag !== found) this.#bytes[at] = tag;
    const size = SIZES.get(tag);
    if (size !== undefined) return at + 1 + size;
    if (tag === TABLE || tag === ARRAY) return this.members(at + 1, tag === TABLE, depth + 1);
    const length = TEXTS.has(tag) ? this.#length(at + 1) : undefined;
    return length === undefined ? undefined : at + 5 + length;
  }

  #length(at: number): number | undefined {
    return at + 4 <= this.#end ? this.#bytes.readUInt32BE(at) : undefined;
  }
}

function code(tag: string): number {
  return tag.charCodeAt(0);
}
