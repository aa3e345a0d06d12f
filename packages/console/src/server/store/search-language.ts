import { LovageError } from "lovage";

/**
 * The search language of tasks, as text and as a tree. Pure: `task-query.ts` turns the tree into SQL.
 *
 *     query   = or
 *     or      = and { "OR" and }
 *     and     = unary { ["AND"] unary }          blank is AND
 *     unary   = ("-" | "NOT") unary | "(" or ")" | term
 *     term    = [field ":" [">" | ">=" | "<" | "<=" | "="]] (word | quoted)
 *     quoted  = '"' any, with \" and \\ '"'
 */
export type SearchNode =
  /** Matches everything: an empty query. */
  | { readonly kind: "all" }
  | { readonly kind: "and" | "or"; readonly parts: readonly SearchNode[] }
  | { readonly kind: "not"; readonly part: SearchNode }
  /** The text is somewhere in what a list shows of a task. */
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "contains"; readonly field: TextField; readonly text: string }
  | { readonly kind: "state"; readonly state: string }
  /** A keyword argument with exactly this value. */
  | { readonly kind: "pair"; readonly key: string; readonly value: string }
  | { readonly kind: "compare"; readonly field: NumberField; readonly operator: Operator; readonly value: number }
  /** Unix milliseconds: at or after `fromMs`, before `toMs`. */
  | { readonly kind: "received"; readonly fromMs: number | null; readonly toMs: number | null };

export const TEXT_FIELDS = [
  "name",
  "id",
  "worker",
  "queue",
  "args",
  "kwargs",
  "result",
  "error",
  "root",
  "parent",
  "group",
  "schedule",
  "job",
] as const;
export type TextField = (typeof TEXT_FIELDS)[number];
export const NUMBER_FIELDS = ["runtime", "wait", "retries"] as const;
export type NumberField = (typeof NUMBER_FIELDS)[number];
export const OPERATORS = [">=", "<=", ">", "<", "="] as const;
export type Operator = (typeof OPERATORS)[number];

/** What can be written before a colon, for completion. `text`: a part of it, without case; `pairs`: a text, or `key=value`. */
export const SEARCH_FIELDS: readonly {
  readonly name: string;
  readonly kind: "state" | "text" | "pairs" | "number" | "instant";
  readonly example: string;
}[] = [
  { name: "state", kind: "state", example: "state:FAILURE" },
  { name: "name", kind: "text", example: "name:images.resize" },
  { name: "id", kind: "text", example: "id:4f1c" },
  { name: "worker", kind: "text", example: "worker:celery@web-1" },
  { name: "queue", kind: "text", example: "queue:images" },
  { name: "args", kind: "text", example: 'args:"cat.png"' },
  { name: "kwargs", kind: "pairs", example: "kwargs:user=42" },
  { name: "result", kind: "text", example: "result:done" },
  { name: "error", kind: "text", example: "error:TimeoutError" },
  { name: "root", kind: "text", example: "root:4f1c" },
  { name: "parent", kind: "text", example: "parent:4f1c" },
  { name: "group", kind: "text", example: "group:4f1c" },
  { name: "schedule", kind: "text", example: "schedule:nightly" },
  { name: "job", kind: "text", example: "job:scrape" },
  { name: "runtime", kind: "number", example: "runtime:>5" },
  { name: "wait", kind: "number", example: "wait:>60" },
  { name: "retries", kind: "number", example: "retries:>0" },
  { name: "received", kind: "instant", example: "received:>2026-01-31T10:00" },
];

/** A query that is none. Code `bad_search`. */
export class SearchError extends LovageError {
  /** Where it goes wrong, counted in characters from 0. */
  readonly position: number;
  constructor(message: string, position: number) {
    super(message, { code: "bad_search" });
    this.name = "SearchError";
    this.position = position;
  }
}

/** Parentheses and negations within each other: what is deeper was made by a program. */
const MAX_DEPTH = 40;
/** Each costs a comparison on every task that is looked at. */
const MAX_TERMS = 50;

/** The tree of a query; an empty one matches everything. Throws a `SearchError`. */
export function parseSearch(query: string): SearchNode {
  const parser = new Parser(query);
  return parser.parse();
}

class Parser {
  readonly #query: string;
  #at = 0;
  #depth = 0;
  #terms = 0;

  constructor(query: string) {
    this.#query = query;
  }

  parse(): SearchNode {
    this.#skipBlanks();
    if (this.#isAtEnd) return { kind: "all" };
    const node = this.#or();
    if (!this.#isAtEnd) throw this.#error("this ) closes nothing");
    return node;
  }

  get #isAtEnd(): boolean {
    return this.#at >= this.#query.length;
  }
  #peek(): string {
    return this.#query[this.#at] ?? "";
  }

  #or(): SearchNode {
    const parts = [this.#and()];
    while (this.#takeWord("OR")) parts.push(this.#and());
    return joined("or", parts);
  }

  #and(): SearchNode {
    const parts = [this.#unary()];
    for (;;) {
      const said = this.#takeWord("AND");
      if (!said && (this.#isAtEnd || this.#peek() === ")" || this.#sees("OR"))) return joined("and", parts);
      parts.push(this.#unary());
    }
  }

  #unary(): SearchNode {
    if (++this.#depth > MAX_DEPTH)
      throw this.#error(`more than ${MAX_DEPTH} parentheses or negations within each other`);
    const node = this.#negated() ?? this.#grouped() ?? this.#term();
    this.#depth--;
    this.#skipBlanks();
    return node;
  }

  #negated(): SearchNode | undefined {
    const at = this.#at;
    const minus = this.#peek() === "-";
    if (minus) this.#at++;
    else if (!this.#takeWord("NOT")) return undefined;
    if (this.#isAtEnd || (minus && /\s/.test(this.#peek()))) throw this.#error("what must not match is missing", at);
    return { kind: "not", part: this.#unary() };
  }

  #grouped(): SearchNode | undefined {
    if (this.#peek() !== "(") return undefined;
    const opened = this.#at++;
    this.#skipBlanks();
    if (this.#peek() === ")") throw this.#error("these parentheses are empty", opened);
    const node = this.#or();
    if (this.#peek() !== ")") throw this.#error("this ( is not closed", opened);
    this.#at++;
    return node;
  }

  #term(): SearchNode {
    const at = this.#at;
    if (this.#isAtEnd) throw this.#error("something to search for is missing");
    if (this.#peek() === ")") throw this.#error("something to search for is missing before this )");
    for (const word of ["AND", "OR"])
      if (this.#sees(word)) throw this.#error(`something to search for is missing before ${word}`);
    if (++this.#terms > MAX_TERMS) throw this.#error(`more than ${MAX_TERMS} things to search for`);
    const field = /^([A-Za-z_]+):/.exec(this.#query.slice(at, at + 40))?.[1];
    const known = field && SEARCH_FIELDS.find(({ name }) => name === field.toLowerCase());
    // As in `http://…` or `ValueError: no`: a word with a colon in it. A misspelt field would be found by its empty list.
    if (!known) return { kind: "text", text: this.#value() };
    this.#at += known.name.length + 1;
    return this.#fieldTerm(known, at);
  }

  #fieldTerm({ name, kind }: (typeof SEARCH_FIELDS)[number], at: number): SearchNode {
    const operator = kind === "number" || kind === "instant" ? this.#operator() : undefined;
    const valueAt = this.#at;
    if (this.#isAtEnd || /[\s()]/.test(this.#peek())) throw this.#error(`${name}: needs a value`, at);
    const isQuoted = this.#peek() === '"';
    const value = this.#value();
    if (kind === "state") return { kind: "state", state: value };
    if (kind === "instant") return received(operator, this.#instant(value, valueAt));
    const pair = kind === "pairs" && !isQuoted ? /^([^=]+)=(.*)$/s.exec(value) : null;
    if (pair) return { kind: "pair", key: pair[1] ?? "", value: unquoted(pair[2] ?? "") };
    if (isNumberField(name))
      return { kind: "compare", field: name, operator: operator ?? "=", value: this.#number(value, name, valueAt) };
    return { kind: "contains", field: textField(name), text: value };
  }

  #operator(): Operator | undefined {
    const operator = OPERATORS.find((each) => this.#query.startsWith(each, this.#at));
    if (operator) this.#at += operator.length;
    return operator;
  }

  #number(text: string, name: string, at: number): number {
    const number = Number(text);
    if (!/^-?(\d+\.?\d*|\.\d+)$/.test(text) || !Number.isFinite(number))
      throw this.#error(`${name}: needs a number, as in ${name}:>5`, at);
    return number;
  }

  #instant(text: string, at: number): { readonly fromMs: number; readonly toMs: number } {
    const parts = INSTANT.exec(text);
    const [, date = "", time, zone = "Z"] = parts ?? [];
    const fromMs = Date.parse(`${date}T${time ?? "00:00"}${zone}`);
    // Date.parse takes 2026-02-31 for the 3rd of March.
    const isDay = new Date(`${date}T00:00Z`).getUTCDate() === Number(date.slice(-2));
    if (!parts || Number.isNaN(fromMs) || !isDay)
      throw this.#error("received: needs an instant (UTC), as in received:>2026-01-31 or 2026-01-31T10:00", at);
    return { fromMs, toMs: fromMs + lengthMs(time) };
  }

  #value(): string {
    if (this.#peek() === '"') return this.#quoted();
    const start = this.#at;
    // A quote within a word, as in `kwargs:name="a b"`, may hold blanks too.
    while (!this.#isAtEnd && !/[\s()]/.test(this.#peek())) {
      if (this.#peek() === '"' && this.#query[this.#at - 1] === "=") this.#quoted();
      else this.#at++;
    }
    return this.#query.slice(start, this.#at);
  }

  #quoted(): string {
    const start = this.#at++;
    let text = "";
    for (; !this.#isAtEnd; this.#at++) {
      if (this.#peek() === '"') {
        this.#at++;
        return text;
      }
      if (this.#peek() === "\\" && /["\\]/.test(this.#query[this.#at + 1] ?? "")) this.#at++;
      text += this.#peek();
    }
    throw this.#error("this quote is not closed", start);
  }

  /** Whether the word, in capitals and by itself, comes next. */
  #sees(word: string): boolean {
    if (!this.#query.startsWith(word, this.#at)) return false;
    return /^$|[\s()]/.test(this.#query[this.#at + word.length] ?? "");
  }

  #takeWord(word: string): boolean {
    if (!this.#sees(word)) return false;
    this.#at += word.length;
    this.#skipBlanks();
    return true;
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#peek())) this.#at++;
  }

  #error(message: string, at = this.#at): SearchError {
    return new SearchError(message, at);
  }
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** Milliseconds that an instant written this exactly stands for: a day, a minute, a second. */
function lengthMs(time: string | undefined): number {
  if (time === undefined) return 86_400_000;
  if (time.includes(".")) return 1;
  return time.length > 5 ? 1000 : 60_000;
}

function received(operator: Operator | undefined, instant: { fromMs: number; toMs: number }): SearchNode {
  const { fromMs, toMs } = instant;
  if (operator === ">") return { kind: "received", fromMs: toMs, toMs: null };
  if (operator === ">=") return { kind: "received", fromMs, toMs: null };
  if (operator === "<") return { kind: "received", fromMs: null, toMs: fromMs };
  if (operator === "<=") return { kind: "received", fromMs: null, toMs };
  return { kind: "received", fromMs, toMs };
}

function joined(kind: "and" | "or", parts: readonly SearchNode[]): SearchNode {
  const [only] = parts;
  return parts.length === 1 && only ? only : { kind, parts };
}

function unquoted(text: string): string {
  return /^".*"$/s.test(text) && text.length > 1 ? text.slice(1, -1).replace(/\\(["\\])/g, "$1") : text;
}

function isNumberField(name: string): name is NumberField {
  return NUMBER_FIELDS.some((each) => each === name);
}
function textField(name: string): TextField {
  const field = TEXT_FIELDS.find((each) => each === name);
  if (!field) throw new TypeError(`${name} is no field with a text`);
  return field;
}
