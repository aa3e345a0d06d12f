import { EncodeError } from "../errors.js";
import { formatInstant } from "./instant.js";
import { rawTextOf } from "./raw-json.js";
import { bytesWireForm, wireFormOf } from "./values.js";

export interface EncodeJsonOptions {
  /**
   * Dates, UUIDs, decimals and bytes as kombu 5.3 and later write them (`{"__type__": …}`); false for plain texts, which
   * 5.2 reads too, and which have no form for bytes. @default true
   */
  readonly typedValues?: boolean | undefined;
  /** What error messages call the value, as in `args` of `args[0].x`. @default "value" */
  readonly place?: string;
}

/** Levels of nesting that are written; deeper values could not be read back by peers. */
export const MAX_ENCODE_DEPTH = 512;

/**
 * A value as JSON text that Celery's peers read.
 *
 * - Numbers, strings, booleans, null, arrays, plain objects and class instances (their own enumerable members) are JSON's own.
 * - undefined is left out of objects and becomes null elsewhere, as with `JSON.stringify`.
 * - `Date`, `bigint`, `Uint8Array`, `PlainDate`, `PlainTime`, `Decimal` and `Uuid` travel as typed values; see `typedValues`.
 * - A number beyond 2^53 is written with an exponent, so that it is read as a float and not as an exact integer.
 * - A `RawJson` is written as its text.
 * - Other objects with a `toJSON` method are written as what it returns.
 *
 * Throws an `EncodeError` naming the place (`args[0].x`) for NaN and infinities, functions, symbols, maps, sets, promises,
 * errors and the like, circular references, and more than 512 levels.
 */
export function encodeJson(value: unknown, options: EncodeJsonOptions = {}): string {
  if (value === undefined) return "null";
  try {
    // JSON.stringify is several times faster than any writer of ours, and most messages need no more.
    if (isPlainJson(value, 0)) return JSON.stringify(value);
    return new JsonWriter(options).write(value);
  } catch (error) {
    if (error instanceof EncodeError) throw error;
    throw new EncodeError(`${options.place ?? "value"} cannot be written as JSON: ${String(error)}`, { cause: error });
  }
}

/** Whether `JSON.stringify` writes the value as we would. Looks at every part once, and no deeper than can be written. */
export function isPlainJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return true;
    case "number":
      return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
    case "object":
      return value === null || isPlainContainer(value, depth + 1);
    default:
      return false;
  }
}

function isPlainContainer(value: object, depth: number): boolean {
  if (depth > MAX_ENCODE_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) if (!isPlainJson(value[i], depth)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) if (!isPlainJson(Reflect.get(value, key), depth)) return false;
  return true;
}

/** Writes what `JSON.stringify` cannot, keeping track of where it is. */
class JsonWriter {
  readonly #typedValues: boolean;
  readonly #place: string;
  readonly #path: (string | number)[] = [];
  readonly #containers: object[] = [];

  constructor({ typedValues = true, place = "value" }: EncodeJsonOptions) {
    this.#typedValues = typedValues;
    this.#place = place;
  }

  write(value: unknown): string {
    switch (typeof value) {
      case "string":
      case "boolean":
        return JSON.stringify(value);
      case "undefined":
        return "null";
      case "number":
        return this.#writeNumber(value);
      case "bigint":
        return value.toString();
      case "object":
        return value === null ? "null" : this.#writeObject(value);
      default:
        throw this.#refusal(`is a ${typeof value}`);
    }
  }

  #writeNumber(value: number): string {
    if (!Number.isFinite(value)) throw this.#refusal(`is ${value}`);
    return Number.isSafeInteger(value) || !Number.isInteger(value) ? JSON.stringify(value) : value.toExponential();
  }

  #writeObject(value: object): string {
    if (Array.isArray(value)) return this.#inside(value, () => this.#writeArray(value));
    if (value instanceof Date) return this.#writeDate(value);
    if (value instanceof Uint8Array) return this.#writeBytes(value);
    const raw = rawTextOf(value);
    if (raw !== undefined) return raw;
    const form = wireFormOf(value);
    if (form) return this.#typedValues ? typedText(form.type, form.value) : JSON.stringify(form.plain);
    const toJson: unknown = Reflect.get(value, "toJSON");
    if (typeof toJson === "function") return this.#writeConverted(value, toJson);
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (isOpaque(value, kind)) throw this.#refusal(`is a ${kind === "Object" ? "private object" : kind}`);
    return this.#inside(value, () => this.#writeMembers(value));
  }

  #writeArray(items: readonly unknown[]): string {
    let text = "[";
    for (let i = 0; i < items.length; i += 1) {
      this.#path.push(i);
      text += i === 0 ? this.write(items[i]) : `,${this.write(items[i])}`;
      this.#path.pop();
    }
    return `${text}]`;
  }

  #writeMembers(value: object): string {
    let text = "{";
    for (const key of Object.keys(value)) {
      const member: unknown = Reflect.get(value, key);
      if (member === undefined) continue;
      this.#path.push(key);
      text += `${text.length > 1 ? "," : ""}${JSON.stringify(key)}:${this.write(member)}`;
      this.#path.pop();
    }
    return `${text}}`;
  }

  #writeDate(date: Date): string {
    if (Number.isNaN(date.getTime())) throw this.#refusal("is an invalid date");
    const text = formatInstant(date);
    return this.#typedValues ? typedText("datetime", text) : JSON.stringify(text.replace("+00:00", "Z"));
  }

  #writeBytes(bytes: Uint8Array): string {
    if (!this.#typedValues) throw this.#refusal("is bytes, which plain JSON without typed values cannot carry");
    const { type, value } = bytesWireForm(bytes);
    return typedText(type, value);
  }

  /** What `toJSON` returned is written as it is: it may be the object itself, whose `toJSON` is then not called again. */
  #writeConverted(value: object, toJson: object): string {
    const converted: unknown = Reflect.apply(toJson as () => unknown, value, [String(this.#path.at(-1) ?? "")]);
    if (typeof converted !== "object" || converted === null) return this.write(converted);
    return this.#inside(value, () => {
      if (converted !== value) return this.write(converted);
      return Array.isArray(value) ? this.#writeArray(value) : this.#writeMembers(value);
    });
  }

  #inside(container: object, write: () => string): string {
    if (this.#containers.includes(container)) throw this.#refusal("refers back to what contains it");
    if (this.#containers.length >= MAX_ENCODE_DEPTH)
      throw this.#refusal(`is nested deeper than ${MAX_ENCODE_DEPTH} levels`);
    this.#containers.push(container);
    const text = write();
    this.#containers.pop();
    return text;
  }

  #refusal(what: string): EncodeError {
    // The tail of a long path says nothing more.
    const path = this.#path.slice(0, 20).map((step) => (typeof step === "number" ? `[${step}]` : memberPath(step)));
    const at = `${this.#place}${path.join("")}${this.#path.length > 20 ? "…" : ""}`;
    return new EncodeError(`${at} ${what}, which JSON cannot carry`);
  }
}

function memberPath(key: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 80))}]`;
}

function typedText(type: string, value: unknown): string {
  return `{"__type__":"${type}","__value__":${JSON.stringify(value)}}`;
}

/** Objects whose content is not in their members: written as `{}` they would be lost without a word. */
function isOpaque(value: object, kind: string): boolean {
  if (kind !== "Object") return true;
  return (
    value instanceof Error ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Promise ||
    ArrayBuffer.isView(value)
  );
}
