import { wireFormOf } from "./values.js";

/** Length of `argsrepr` and `kwargsrepr` at most. Source: celery-protocol 2.3. */
export const MAX_REPR_LENGTH = 1024;
/** Levels shown; what is deeper is `...`. */
const MAX_REPR_DEPTH = 12;

/** Arguments as Python shows a tuple, `(2, 3)`, for people to read. Looks at no more of the value than it shows. */
export function reprArgs(args: readonly unknown[], maxLength = MAX_REPR_LENGTH): string {
  if (args.length === 0) return "()";
  const writer = new ReprWriter(maxLength);
  writer.writeItems("(", args, args.length === 1 ? ",)" : ")", 0);
  return writer.text;
}

/** Keyword arguments as Python shows a dictionary, `{'a': None}`. */
export function reprKwargs(kwargs: Readonly<Record<string, unknown>>, maxLength = MAX_REPR_LENGTH): string {
  const writer = new ReprWriter(maxLength);
  writer.writeMembers(kwargs, 0);
  return writer.text;
}

/** Any value as Python shows it; never throws, also not for what cannot be sent. */
export function reprValue(value: unknown, maxLength = MAX_REPR_LENGTH): string {
  const writer = new ReprWriter(maxLength);
  writer.write(value, 0);
  return writer.text;
}

/** A text in Python's quotes. */
export function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  if (!NEEDS_ESCAPE.test(text)) return quote + text + quote;
  const escaped = text.replace(ESCAPED, (char) => (char === "'" && quote === '"' ? char : escapeOf(char)));
  return quote + escaped + quote;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NEEDS_ESCAPE = /[\\'\u0000-\u001f\u007f-\u00a0\u00ad\ud800-\udfff\u2028\u2029\ufeff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ESCAPED = /[\\'\u0000-\u001f\u007f-\u00a0\u00ad\u2028\u2029\ufeff]|\p{Surrogate}/gu;
const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["'", "\\'"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escapeOf(char: string): string {
  const code = char.charCodeAt(0);
  const short = SHORT_ESCAPES.get(char);
  if (short !== undefined) return short;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Writes until its room is used up; from then on every value costs one test and no text. */
class ReprWriter {
  text = "";
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  write(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#writeText(value);
        return;
      case "number":
        this.text += reprNumber(value);
        return;
      case "bigint":
        // Writing out a huge number takes more than linear time.
        this.text += value > LARGE || value < -LARGE ? "<a large integer>" : value.toString();
        return;
      case "boolean":
        this.text += value ? "True" : "False";
        return;
      case "undefined":
        this.text += "None";
        return;
      case "object":
        this.#writeObject(value, depth);
        return;
      default:
        this.text += `<${typeof value}>`;
    }
  }

  /** `close` of one item's tuple holds the comma that makes it one. */
  writeItems(open: string, items: readonly unknown[], close: string, depth: number): void {
    this.text += open;
    for (let i = 0; i < items.length; i += 1) {
      if (i > 0) this.text += ", ";
      if (this.#full()) break;
      this.write(items[i], depth + 1);
    }
    this.text += close;
  }

  writeMembers(object: object, depth: number): void {
    this.text += "{";
    let first = true;
    for (const key in object) {
      if (!Object.hasOwn(object, key)) continue;
      if (!first) this.text += ", ";
      first = false;
      if (this.#full()) break;
      this.#writeText(key);
      this.text += ": ";
      this.write(Reflect.get(object, key), depth + 1);
    }
    this.text += "}";
  }

  #writeObject(value: object | null, depth: number): void {
    if (value === null) this.text += "None";
    else if (this.text.length >= this.#maxLength || depth >= MAX_REPR_DEPTH) this.text += "...";
    else if (Array.isArray(value)) this.writeItems("[", value, "]", depth);
    else this.#writeSpecial(value, depth);
  }

  #writeSpecial(value: object, depth: number): void {
    try {
      const special = this.#specialRepr(value);
      if (special === undefined) this.writeMembers(value, depth);
      else this.text += special;
    } catch {
      // A getter or a proxy of the user's own may throw; a text for people is not worth failing for.
      this.text += "<object>";
    }
  }

  #specialRepr(value: object): string | undefined {
    if (value instanceof Date) return reprDate(value);
    if (value instanceof Uint8Array) return this.#bytesRepr(value);
    if (value instanceof Error) return reprError(value);
    if (value instanceof Map || value instanceof Set) return `<${value.constructor.name} of ${value.size}>`;
    const form = wireFormOf(value);
    if (!form) return undefined;
    if (form.type === "uuid") return `UUID('${form.plain}')`;
    if (form.type === "decimal") return `Decimal('${form.plain}')`;
    return `${form.type}('${form.plain}')`;
  }

  #bytesRepr(bytes: Uint8Array): string {
    const room = Math.max(0, this.#maxLength - this.text.length);
    const shown = Buffer.from(bytes.subarray(0, room)).toString("latin1");
    const text = reprText(shown).replace(/[\u0080-\u00ff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
    return bytes.length > room ? `b${text.slice(0, -1)}...'` : `b${text}`;
  }

  #writeText(text: string): void {
    const room = this.#maxLength - this.text.length;
    if (text.length <= room) this.text += reprText(text);
    else this.text += `${reprText(text.slice(0, Math.max(0, room))).slice(0, -1)}...'`;
  }

  /** Writes the mark of what is left out once there is no room. */
  #full(): boolean {
    if (this.text.length < this.#maxLength) return false;
    this.text += "...";
    return true;
  }
}

const LARGE = 10n ** 300n;

function reprNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

function reprDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return "<invalid date>";
  const parts = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
  ];
  const [second, millisecond] = [date.getUTCSeconds(), date.getUTCMilliseconds()];
  if (second > 0 || millisecond > 0) parts.push(second);
  if (millisecond > 0) parts.push(millisecond * 1000);
  return `datetime.datetime(${parts.join(", ")}, tzinfo=datetime.timezone.utc)`;
}

/** `ValueError('boom')`: as Python shows an exception. */
export function reprError(error: Error): string {
  const message = String(error.message).slice(0, MAX_REPR_LENGTH);
  return `${String(error.name)}(${message === "" ? "" : reprText(message)})`;
}
