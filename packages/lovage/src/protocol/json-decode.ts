import { DecodeError } from "../errors.js";
import { readTypedValue } from "./values.js";

export type JsonValue = string | number | boolean | null | JsonObject | readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** How much a message may ask of its reader. */
export interface DecodeLimits {
  /** Levels of nesting. @default 512 */
  readonly maxDepth?: number;
  /** Bytes (of a body) or characters (of a text), compressed and decompressed alike. @default 64 MiB */
  readonly maxSize?: number;
}
export interface DecodeJsonOptions extends DecodeLimits {
  /** Whether `{"__type__": …, "__value__": …}` becomes a `Date`, `Uuid`, …; false leaves such objects as they are. @default true */
  readonly typedValues?: boolean;
}

export const DEFAULT_MAX_DEPTH = 512;
export const DEFAULT_MAX_SIZE = 64 * 1024 * 1024;
/** Digits of an integer at most; Python's own default limit. Reading more takes more than linear time. */
const MAX_DIGITS = 4300;

/** An integer too long for a number: 16 digits in a row that are neither a fraction nor the start of a string. */
const LONG_INTEGER = /(?:^|[^.\d"])\d{16}/;

/**
 * Reads JSON as Celery's peers write it: with `NaN`, `Infinity`, integers of any size (bigint beyond 2^53) and typed values.
 * An object with an unknown `__type__`, or a value that is not of its type, is kept as it came. A key `__proto__` becomes an
 * ordinary member. Throws nothing but `DecodeError`, which says what is wrong and where.
 */
export function decodeJson(text: string, options: DecodeJsonOptions = {}): unknown {
  const { maxDepth = DEFAULT_MAX_DEPTH, maxSize = DEFAULT_MAX_SIZE, typedValues = true } = options;
  if (text.length > maxSize) {
    throw new DecodeError(`JSON of ${text.length} characters is longer than the limit of ${maxSize}`);
  }
  checkDepth(text, maxDepth);
  if (!(typedValues && mayHoldTypedValues(text)) && !LONG_INTEGER.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // NaN and Infinity are not JSON's, but are Python's; our own reader also says where text is wrong.
    }
  }
  return new JsonReader(text, typedValues).read();
}

/** Two searches of the engine's own, far cheaper than looking at every object. An escape may hide the underscores. */
function mayHoldTypedValues(text: string): boolean {
  return text.includes("__type__") || text.includes("\\u005") || text.includes("\\u007") || text.includes("\\u006");
}

/** Throws when brackets nest deeper than `maxDepth`. Takes no look at texts too short, or with too few brackets, for that. */
function checkDepth(text: string, maxDepth: number): void {
  if (text.length <= 2 * maxDepth || !opensMoreThan(text, maxDepth)) return;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1;
        if (depth > maxDepth) throw new DecodeError(`JSON is nested deeper than ${maxDepth} levels`);
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
    }
  }
}

function opensMoreThan(text: string, count: number): boolean {
  let found = 0;
  for (const opener of ["[", "{"]) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      found += 1;
      if (found > count) return true;
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Index of the quote that ends the string whose opening quote is at `start`; the text's length when there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** A string without these is its own value. Control characters are not allowed in strings. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NEEDS_PARSING = /[\\\u0000-\u001f]/;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const CONSTANTS: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
];

/** Reads Python's JSON. Its recursion is bounded: `checkDepth` has run over the same text. */
class JsonReader {
  readonly #text: string;
  readonly #typedValues: boolean;
  #at = 0;

  constructor(text: string, typedValues: boolean) {
    this.#text = text;
    this.#typedValues = typedValues;
  }

  read(): unknown {
    try {
      const value = this.#readValue();
      if (!Number.isNaN(this.#next())) throw this.#unexpected("the end");
      return value;
    } catch (error) {
      // A caller may have configured more levels than the stack has.
      if (error instanceof RangeError) throw new DecodeError("JSON is nested too deep to be read", { cause: error });
      throw error;
    }
  }

  #readValue(): unknown {
    const code = this.#next();
    if (code >= ZERO && code <= NINE) return this.#readNumber();
    switch (code) {
      case QUOTE:
        return this.#readString();
      case OPEN_OBJECT:
        return this.#readObject();
      case OPEN_ARRAY:
        return this.#readArray();
      default:
        return this.#readScalar();
    }
  }

  #readArray(): unknown[] {
    const items: unknown[] = [];
    this.#at += 1;
    if (this.#take(CLOSE_ARRAY)) return items;
    do items.push(this.#readValue());
    while (this.#take(COMMA));
    this.#expect(CLOSE_ARRAY, '"," or "]"');
    return items;
  }

  #readObject(): unknown {
    const object: Record<string, unknown> = {};
    this.#at += 1;
    if (this.#take(CLOSE_OBJECT)) return object;
    do {
      if (this.#next() !== QUOTE) throw this.#unexpected("a key");
      const key = this.#readString();
      this.#expect(COLON, '":"');
      setMember(object, key, this.#readValue());
    } while (this.#take(COMMA));
    this.#expect(CLOSE_OBJECT, '"," or "}"');
    return this.#typedValues && "__type__" in object ? typedOrPlain(object) : object;
  }

  #readString(): string {
    const start = this.#at;
    const end = endOfString(this.#text, start);
    if (end === this.#text.length) throw new DecodeError(`JSON ends inside the string that begins at ${start}`);
    this.#at = end + 1;
    const inner = this.#text.slice(start + 1, end);
    if (!NEEDS_PARSING.test(inner)) return inner;
    try {
      return JSON.parse(this.#text.slice(start, end + 1));
    } catch (cause) {
      throw new DecodeError(`JSON has a malformed string at ${start}`, { cause });
    }
  }

  #readScalar(): unknown {
    for (const [word, value] of CONSTANTS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#readNumber();
  }

  #readNumber(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) throw this.#unexpected("a value");
    const [digits, fraction, exponent] = match;
    this.#at += digits.length;
    const value = Number(digits);
    if (fraction !== undefined || exponent !== undefined || Number.isSafeInteger(value)) return value;
    if (digits.length > MAX_DIGITS)
      throw new DecodeError(`JSON has an integer of more than ${MAX_DIGITS} digits at ${this.#at}`);
    return BigInt(digits);
  }

  /** The next character that is not white space; NaN at the end. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.#at += 1;
      code = this.#text.charCodeAt(this.#at);
    }
    return code;
  }

  #take(code: number): boolean {
    if (this.#next() !== code) return false;
    this.#at += 1;
    return true;
  }

  #expect(code: number, what: string): void {
    if (!this.#take(code)) throw this.#unexpected(what);
  }

  #unexpected(expected: string): DecodeError {
    const found = this.#text.slice(this.#at, this.#at + 20);
    const what = found === "" ? "the end" : JSON.stringify(found);
    return new DecodeError(`JSON has ${what} at ${this.#at} where ${expected} belongs`);
  }
}

/** Assigning to `__proto__` would replace the object's prototype. */
function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

/** Typed only with exactly the two keys; a third one makes it an ordinary object. Source: celery-protocol 2.5. */
function typedOrPlain(object: Record<string, unknown>): unknown {
  if (!Object.hasOwn(object, "__value__") || Object.keys(object).length !== 2) return object;
  return readTypedValue(object.__type__, object.__value__) ?? object;
}
