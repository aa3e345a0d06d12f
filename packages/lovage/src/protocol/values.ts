import { isUtf8 } from "node:buffer";
import { tryParseInstant, utcDate } from "./instant.js";

/**
 * Values that JSON lacks and Celery carries, beside `Date`, `bigint` and `Uint8Array`. Immutable.
 * Source: celery-protocol 2.5.
 */

/** Recognises our values by a method, not by class, so that another copy of the library's are recognised too. */
export const WIRE_FORM = Symbol.for("lovage.value.wireForm");

/** A value as `{"__type__": type, "__value__": value}`; `plain` is the text for peers that know no typed values. */
export interface WireForm {
  readonly type: string;
  readonly value: unknown;
  readonly plain: string;
}

/** A calendar day without time or zone: Python's `date`. */
export class PlainDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** Throws a `RangeError` for a day that does not exist, or a year outside 1 to 9999. */
  constructor(year: number, month: number, day: number) {
    const whole = Number.isInteger(year) && Number.isInteger(month) && Number.isInteger(day);
    if (!whole || year < 1 || year > 9999 || !utcDate(year, month, day)) {
      throw new RangeError(`${year}-${month}-${day} is not a date`);
    }
    this.year = year;
    this.month = month;
    this.day = day;
  }
  /** Reads `2024-01-02`. Throws a `RangeError` for anything else. */
  static parse(text: string): PlainDate {
    const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
    if (!match) throw new RangeError(`${JSON.stringify(text.slice(0, 40))} is not a date of the form 2024-01-02`);
    return new PlainDate(Number(match[1]), Number(match[2]), Number(match[3]));
  }
  equals(other: unknown): boolean {
    return other instanceof PlainDate && this.toString() === other.toString();
  }
  /** `2024-01-02` */
  toString(): string {
    return `${padded(this.year, 4)}-${padded(this.month, 2)}-${padded(this.day, 2)}`;
  }
  toJSON(): string {
    return this.toString();
  }
  [WIRE_FORM](): WireForm {
    const text = this.toString();
    return { type: "date", value: text, plain: `${text}T00:00:00` };
  }
}

/** A time of day: Python's `time`. */
export class PlainTime {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  /** The zone's offset as written (`+02:00`), or null. */
  readonly offset: string | null;
  /** Throws a `RangeError` for a time that does not exist. */
  constructor(hour: number, minute = 0, second = 0, microsecond = 0, offset: string | null = null) {
    const fits = (value: number, below: number): boolean => Number.isInteger(value) && value >= 0 && value < below;
    if (!fits(hour, 24) || !fits(minute, 60) || !fits(second, 60) || !fits(microsecond, 1_000_000)) {
      throw new RangeError(`${hour}:${minute}:${second}.${microsecond} is not a time of day`);
    }
    if (offset !== null && !/^[+-]\d{2}:\d{2}(:\d{2}(\.\d{6})?)?$/.test(offset)) {
      throw new RangeError(`${JSON.stringify(offset.slice(0, 40))} is not an offset of the form +02:00`);
    }
    this.hour = hour;
    this.minute = minute;
    this.second = second;
    this.microsecond = microsecond;
    this.offset = offset;
  }
  /** Reads `03:04`, `03:04:05`, `03:04:05.000006`, each with or without `+02:00` or `Z`. Throws a `RangeError` for anything else. */
  static parse(text: string): PlainTime {
    const match = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,12}))?)?(Z|[+-]\d{2}:\d{2}(?::\d{2}(?:\.\d{6})?)?)?$/.exec(
      text,
    );
    if (!match) throw new RangeError(`${JSON.stringify(text.slice(0, 40))} is not a time of the form 03:04:05`);
    const [, hour, minute, second, fraction, offset] = match;
    const microsecond = Number((fraction ?? "").padEnd(6, "0").slice(0, 6));
    const zone = offset === "Z" ? "+00:00" : (offset ?? null);
    return new PlainTime(Number(hour), Number(minute), Number(second ?? 0), microsecond, zone);
  }
  equals(other: unknown): boolean {
    return other instanceof PlainTime && this.toString() === other.toString();
  }
  /** `03:04:05`, with six digits of fraction when there is one: as Python writes it. */
  toString(): string {
    const fraction = this.microsecond === 0 ? "" : `.${padded(this.microsecond, 6)}`;
    return `${padded(this.hour, 2)}:${padded(this.minute, 2)}:${padded(this.second, 2)}${fraction}${this.offset ?? ""}`;
  }
  toJSON(): string {
    return this.toString();
  }
  [WIRE_FORM](): WireForm {
    const text = this.toString();
    return { type: "time", value: text, plain: text };
  }
}

/** Digits at most, so that comparing a hostile number stays cheap. Python's own default limit for texts of integers. */
const LONGEST_NUMBER = 4300;

/** A decimal number with its digits as written: Python's `Decimal`. It carries; it does not calculate. */
export class Decimal {
  readonly #text: string;
  /** Takes `1.10`, `-3`, `1E+5`, `NaN`, `Infinity`. Throws a `RangeError` for anything else. */
  constructor(text: string | number | bigint) {
    const written = String(text);
    const wellFormed = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,18})?|inf(?:inity)?|s?nan\d*)$/i;
    if (written.length > LONGEST_NUMBER || !wellFormed.test(written)) {
      throw new RangeError(`${JSON.stringify(written.slice(0, 40))} is not a decimal number`);
    }
    this.#text = written;
  }
  /** Same number, however written: 1.1 equals 1.10. Not a number equals nothing. */
  equals(other: unknown): boolean {
    if (!(other instanceof Decimal)) return false;
    const own = canonicalNumber(this.#text);
    return own !== undefined && own === canonicalNumber(other.toString());
  }
  /** The nearest number; digits beyond its precision are lost. */
  toNumber(): number {
    return /inf/i.test(this.#text) ? (this.#text.startsWith("-") ? -Infinity : Infinity) : Number(this.#text);
  }
  toString(): string {
    return this.#text;
  }
  toJSON(): string {
    return this.#text;
  }
  [WIRE_FORM](): WireForm {
    return { type: "decimal", value: this.#text, plain: this.#text };
  }
}

/** Sign, digits without zeros around, and exponent, as one text; undefined when not a number. */
function canonicalNumber(text: string): string | undefined {
  if (/nan/i.test(text)) return undefined;
  if (/inf/i.test(text)) return text.startsWith("-") ? "-inf" : "inf";
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  const scale = BigInt(exponent ?? 0) - BigInt(fraction.length) + BigInt(digits.length - end);
  return `${sign === "-" ? "-" : ""}${digits.slice(0, end)}e${scale}`;
}

/** A UUID as a value of its own: Python's `UUID`. Ids of tasks are plain strings. */
export class Uuid {
  readonly #hex: string;
  /** Takes 32 hexadecimal digits with or without dashes. Throws a `RangeError` for anything else. */
  constructor(text: string) {
    const hex = text.length > 64 ? "" : text.replaceAll("-", "").toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(hex)) throw new RangeError(`${JSON.stringify(text.slice(0, 64))} is not a UUID`);
    this.#hex = hex;
  }
  /** 32 hexadecimal digits, lower case. */
  get hex(): string {
    return this.#hex;
  }
  equals(other: unknown): boolean {
    return other instanceof Uuid && this.#hex === other.hex;
  }
  /** `12345678-1234-5678-1234-567812345678` */
  toString(): string {
    const hex = this.#hex;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  toJSON(): string {
    return this.toString();
  }
  [WIRE_FORM](): WireForm {
    return { type: "uuid", value: { hex: this.#hex }, plain: this.toString() };
  }
}

/** The wire form of one of our values, of this or another copy of the library; undefined for anything else. */
export function wireFormOf(value: object): WireForm | undefined {
  const method: unknown = Reflect.get(value, WIRE_FORM);
  if (typeof method !== "function") return undefined;
  const form: unknown = method.call(value);
  return isWireForm(form) ? form : undefined;
}
function isWireForm(form: unknown): form is WireForm {
  return typeof form === "object" && form !== null && "type" in form && "value" in form && "plain" in form;
}

/** `bytes` carries text as it is; anything else travels as base64. */
export function bytesWireForm(bytes: Uint8Array): Pick<WireForm, "type" | "value"> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer)
    ? { type: "bytes", value: buffer.toString("utf8") }
    : { type: "base64", value: buffer.toString("base64") };
}

/** Reading of one `__type__`: undefined when `value` is not of that type, so that the object is kept as it came. */
type Reader = (value: unknown) => unknown;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["datetime", (value) => (typeof value === "string" ? tryParseInstant(value) : undefined)],
  // The reference reads dates through its datetime parser: both forms occur.
  ["date", (value) => (typeof value === "string" ? PlainDate.parse(value.split("T", 1)[0] ?? "") : undefined)],
  ["time", (value) => (typeof value === "string" ? PlainTime.parse(value) : undefined)],
  ["decimal", (value) => (typeof value === "string" ? new Decimal(value) : undefined)],
  ["uuid", readUuid],
  ["bytes", (value) => (typeof value === "string" ? new TextEncoder().encode(value) : undefined)],
  ["base64", readBase64],
]);

/**
 * The value behind `{"__type__": type, "__value__": value}`, or undefined when the type is unknown or the value not of it.
 * A `datetime` without an offset is taken as UTC.
 */
export function readTypedValue(type: unknown, value: unknown): unknown {
  const reader = typeof type === "string" ? READERS.get(type) : undefined;
  if (!reader) return undefined;
  try {
    return reader(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readUuid(value: unknown): Uuid | undefined {
  if (typeof value === "string") return new Uuid(value);
  // Early kombu 5.3 sent "version" beside "hex".
  if (typeof value !== "object" || value === null || !("hex" in value)) return undefined;
  return typeof value.hex === "string" ? new Uuid(value.hex) : undefined;
}

function readBase64(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) return undefined;
  return new Uint8Array(Buffer.from(value, "base64"));
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
