import { isSecretName, MASK, maskUrls } from "lovage/internal";

/** Levels of a value that are looked into; what is deeper is masked: a secret must not hide in depth. */
const MAX_DEPTH = 64;

export interface RedactLimits {
  /** Parts of one value that are looked at; the rest is left out. */
  readonly parts: number;
  /** Characters of one text in a value that are looked at; what is longer is cut. */
  readonly text: number;
  /** Characters of all its texts and names together; the rest is left out. Nothing else runs while they are looked at. */
  readonly total: number;
}
/** What is looked at of each value that goes by. */
const PASSING: RedactLimits = { parts: 5000, text: 64 * 1024, total: 256 * 1024 };

/** Words that make a name a secret's, wherever they stand in it; as `isSecretName` of the core has them. */
const SECRET_WORD = /password|passwd|secret|token|credential|api_?key|private_?key|authorization|cookie/i;
/** What comes before and after such a word in one name. */
const NAME_CHARACTER = /[\w.-]/;
/** `Bearer abc…` and `Basic abc…`, wherever they stand. */
const HTTP_CREDENTIALS = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/-]{8,2048}={0,2}/g;
/** Where an unquoted value ends. */
const VALUE_END = /[\s,;&)}\]"'\\]/;
/** Where one of a header ends: `Authorization: Bearer abc`, `Cookie: a=b; c=d`. */
const HEADER_END = /[\r\n,)}\]"']/;
const HEADER_NAME = /authorization|cookie/i;

/** The value with nothing secret left in it, and whether anything was taken out: it is then no longer what was sent. */
export interface Redacted<T> {
  readonly value: T;
  readonly changed: boolean;
  /** Whether some of it was left out, because it is too large or too deep. */
  readonly cut: boolean;
}

/** A copy of JSON data in which values under secret names, and secrets inside texts, are masked. */
export function redactValue(value: unknown, limits: RedactLimits = PASSING): Redacted<unknown> {
  const redactor = new ValueRedactor(limits);
  return { value: redactor.copy(value, 0), changed: redactor.changed, cut: redactor.cut };
}

/**
 * A text with its secrets masked: credentials in URLs, `Bearer …`, and what follows a secret name in Python's `repr` (`'password': 'x'`,
 * `password='x'`), in JSON, in URLs' queries and in plain words (`password=x`). Texts are never parsed; where a value's end cannot be
 * told, the rest of the text goes.
 */
export function redactText(text: string): string {
  const masked = maskUrls(text);
  const plain =
    masked.includes("Bearer") || masked.includes("Basic") ? masked.replace(HTTP_CREDENTIALS, `$1 ${MASK}`) : masked;
  return maskNamed(plain);
}

/** Whether redaction has taken something out of the text: what is left is not what was sent. */
export function holdsMask(text: string | null): boolean {
  return text?.includes(MASK) === true;
}

class ValueRedactor {
  changed = false;
  cut = false;
  readonly #limits: RedactLimits;
  #parts = 0;
  #left: number;

  constructor(limits: RedactLimits) {
    this.#limits = limits;
    this.#left = limits.total;
  }

  copy(value: unknown, depth: number): unknown {
    this.#parts += 1;
    if (depth >= MAX_DEPTH || this.#parts > this.#limits.parts) return this.#leaveOut();
    if (typeof value === "string") return this.#text(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      if (value.length > this.#limits.parts) this.#leaveOut();
      return value.slice(0, this.#limits.parts).map((each: unknown) => this.copy(each, depth + 1));
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    // Dates, decimals and the like are values of their own: the encoder knows them.
    if (prototype !== Object.prototype && prototype !== null) return value;
    return this.#members(value, depth);
  }

  #members(value: object, depth: number): unknown {
    const members: [string, unknown][] = [];
    for (const [name, each] of Object.entries(value)) {
      this.#left -= name.length;
      if (this.#parts > this.#limits.parts || this.#left < 0) {
        this.#leaveOut();
        break;
      }
      const secret = isSecretName(name) && each !== null && each !== undefined && each !== "";
      members.push([name, secret ? this.#mask(MASK) : this.copy(each, depth + 1)]);
    }
    // `fromEntries` makes a member of `__proto__`, where an assignment would not.
    return Object.fromEntries(members);
  }

  #text(text: string): string {
    const most = Math.max(0, Math.min(this.#limits.text, this.#left));
    this.#left -= text.length;
    if (text.length > most) this.#leaveOut();
    const redacted = redactText(text.length > most ? text.slice(0, most) : text);
    if (redacted !== text) this.changed = true;
    return redacted;
  }

  #leaveOut(): string {
    this.cut = true;
    return this.#mask("…");
  }

  #mask(by: string): string {
    this.changed = true;
    return by;
  }
}

/** One pass over the text: each secret word is looked at once, and what follows it is masked up to its end. */
function maskNamed(text: string): string {
  if (!SECRET_WORD.test(text)) return text;
  const words = new RegExp(SECRET_WORD, "gi");
  let result = "";
  let done = 0;
  for (let found = words.exec(text); found; found = words.exec(text)) {
    const value = valueAfter(text, found.index + found[0].length, found[0]);
    if (!value) continue;
    result += text.slice(done, value.start) + MASK;
    done = value.end;
    words.lastIndex = Math.max(done, words.lastIndex);
  }
  return done === 0 ? text : result + text.slice(done);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The value that follows a name whose secret word ends at `at`: after the rest of the name, its quote, and `:`, `=` or `=>`. */
function valueAfter(text: string, at: number, word: string): Span | undefined {
  let here = at;
  while (here < text.length && here - at < 64 && NAME_CHARACTER.test(text.charAt(here))) here += 1;
  here = skip(text, here, /[\\"']/, 4);
  // `os.environ['TOKEN'] = …` and `{['token']: …}`.
  here = skip(text, here, /[\]]/, 1);
  here = skip(text, here, /\s/, 8);
  const separator = text.charAt(here);
  if (separator !== ":" && separator !== "=") return undefined;
  here = skip(text, here + 1, />/, 1);
  here = skip(text, here, /\s/, 8);
  return spanOfValue(text, here, HEADER_NAME.test(word));
}

function skip(text: string, from: number, what: RegExp, most: number): number {
  let here = from;
  while (here < text.length && here - from < most && what.test(text.charAt(here))) here += 1;
  return here;
}

const EMPTY_VALUES = /^(?:None|null|undefined|''|""|\*{4,})(?![\w])/;
const OPENING = /^[bBrRuUfF]{0,2}(\\*)(["'])/;

function spanOfValue(text: string, start: number, header: boolean): Span | undefined {
  if (start >= text.length || EMPTY_VALUES.test(text.slice(start, start + 12))) return undefined;
  const quoted = OPENING.exec(text.slice(start, start + 12));
  if (quoted) {
    const from = start + quoted[0].length;
    return { start: from, end: endOfQuoted(text, from, `${quoted[1] ?? ""}${quoted[2] ?? ""}`) };
  }
  if (text.startsWith(MASK, start)) return undefined;
  if (/[[{(<]/.test(text.charAt(start))) return { start, end: endOfBrackets(text, start) };
  const endPattern = header ? HEADER_END : VALUE_END;
  let end = start;
  while (end < text.length && !endPattern.test(text.charAt(end))) end += 1;
  return end === start ? undefined : { start, end };
}

/** Before the closing quote, which looks as the opening one did, its backslashes included; the text's end when there is none. */
function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === 92 && at - escapes > from) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}

/** After the bracket that closes the one at `start`, whatever the kinds; brackets in quotes count too: rather too much goes than too little. */
function endOfBrackets(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (/[[{(<]/.test(char)) depth += 1;
    else if (/[\]})>]/.test(char)) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
