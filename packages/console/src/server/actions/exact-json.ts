import { decodeJson } from "lovage/internal";

/** An integer that a number cannot hold, as the API writes it: `{"$bigint": "123…"}`. */
const BIG_INTEGER = "$bigint";
/** Digits at most; Python's own default limit, and the reader's. */
const MAX_DIGITS = 4300;

/**
 * A value out of JSON text, to be sent again as it stands there: typed values (`{"__type__": …}`) keep their form, integers beyond 2^53
 * become `bigint`. Throws a `DecodeError` for text that is no JSON.
 */
export function readExactJson(text: string): unknown {
  return decodeJson(text, { typedValues: false });
}

/** As `readExactJson`; undefined for what is no array. */
export function readExactArgs(text: string | null): readonly unknown[] | undefined {
  const value = text === null ? undefined : tryRead(text);
  return Array.isArray(value) ? value : undefined;
}

/** As `readExactJson`; undefined for what is no object. */
export function readExactObject(text: string | null): Readonly<Record<string, unknown>> | undefined {
  const value = text === null ? undefined : tryRead(text);
  return isObject(value) ? value : undefined;
}

function tryRead(text: string): unknown {
  try {
    return readExactJson(text);
  } catch {
    // What is in the store came from strangers: text that is no JSON is text that is not known exactly.
    return undefined;
  }
}

/** Whether `value` is an object with members of its own: what kwargs and parameters are. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A value as the API carries it: `bigint` as `{"$bigint": "123…"}`; NaN and infinities, which Python writes and JSON has no form for, as
 * texts. What decoding made of typed values (`Date`, `Uuid` …) is left to `JSON.stringify`.
 */
export function toApiJson(value: unknown): unknown {
  if (typeof value === "bigint") return { [BIG_INTEGER]: value.toString() };
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(toApiJson);
  if (!isObject(value) || hasToJson(value)) return value;
  return mapMembers(value, toApiJson);
}

/** A value that the API was given, as it is to be sent: the inverse of `toApiJson` for big integers. */
export function fromApiJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromApiJson);
  if (!isObject(value)) return value;
  return bigIntegerOf(value) ?? mapMembers(value, fromApiJson);
}

/** The members of an object that the API was given; see `fromApiJson`. */
export function objectFromApi(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return mapMembers(value, fromApiJson);
}

function bigIntegerOf(value: Readonly<Record<string, unknown>>): bigint | undefined {
  const digits = value[BIG_INTEGER];
  if (typeof digits !== "string" || Object.keys(value).length !== 1) return undefined;
  return digits.length <= MAX_DIGITS && /^-?\d+$/.test(digits) ? BigInt(digits) : undefined;
}

/** `fromEntries` defines members, so that one named `__proto__` stays an ordinary one. */
function mapMembers(
  value: Readonly<Record<string, unknown>>,
  map: (member: unknown) => unknown,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, map(member)]));
}

function hasToJson(value: object): boolean {
  return "toJSON" in value && typeof value.toJSON === "function";
}
