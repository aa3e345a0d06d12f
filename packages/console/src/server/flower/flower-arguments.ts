import type { ConsoleContext } from "../http/console-env.js";
import { parseJsonText, textBodyOf } from "../http/parse-request.js";
import { ApiError } from "../route.js";

/** Bytes of a form or JSON body. */
const TRUE = /^(1|true|t|yes|y|on)$/i;
const FALSE = /^(0|false|f|no|n|off|)$/i;

/** A request's parameters as Flower reads them: out of the query and a form body alike, the last one of a name. Bad ones are a 400 that names them. */
export class FlowerArguments {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  get all(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values);
  }

  /** Undefined when it is missing. */
  text(name: string): string | undefined {
    return this.#values.get(name);
  }
  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw badArgument(`Missing argument ${name}`);
    return value;
  }
  flag(name: string): boolean {
    const value = this.text(name) ?? "";
    if (TRUE.test(value)) return true;
    if (FALSE.test(value)) return false;
    throw badArgument(`${name} is ${shown(value)} where true or false belongs`);
  }
  /** A whole number from 0 on. */
  count<T>(name: string, missing: T): number | T {
    const value = this.text(name);
    if (value === undefined || value === "") return missing;
    if (/^\d{1,15}$/.test(value)) return Number(value);
    throw badArgument(`${name} is ${shown(value)} where a whole number belongs`);
  }
  requiredCount(name: string): number {
    this.requiredText(name);
    return this.count(name, 0);
  }
  /** Seconds, not negative. */
  seconds(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined || value === "") return undefined;
    const seconds = Number(value);
    if (Number.isFinite(seconds) && seconds >= 0) return seconds;
    throw badArgument(`${name} is ${shown(value)} where a number of seconds belongs`);
  }
  /** `%Y-%m-%d %H:%M` in the console's own zone, as in Flower. */
  minute(name: string): Date | undefined {
    const value = this.text(name);
    if (value === undefined || value === "") return undefined;
    const read = readMinute(value);
    if (read === undefined) throw badArgument(`${name} is ${shown(value)} where a time as in 2026-01-31 10:00 belongs`);
    return read;
  }
}

/** Reads the query, and the body where it is a form. */
export async function readArguments(context: ConsoleContext): Promise<FlowerArguments> {
  const values = new Map(new URL(context.req.url).searchParams);
  const type = context.req.header("content-type") ?? "";
  if (/^application\/x-www-form-urlencoded/i.test(type)) {
    for (const [name, value] of new URLSearchParams(await textBodyOf(context))) values.set(name, value);
  }
  return new FlowerArguments(values);
}

/** The body as an object; `{}` for none. Flower looks at no content type. */
export async function readOptions(context: ConsoleContext): Promise<Readonly<Record<string, unknown>>> {
  const text = await textBodyOf(context);
  if (text.trim() === "") return {};
  const value = parseJsonText(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badArgument("invalid options");
  return { ...value };
}

export function badArgument(detail: string): ApiError {
  return new ApiError(400, "bad_argument", detail);
}

function readMinute(text: string): Date | undefined {
  const parts = /^(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts;
  const date = new Date(year, month - 1, day, hour, minute);
  // A 31st of February would become March.
  return date.getMonth() === month - 1 && date.getDate() === day && hour < 24 && minute < 60 ? date : undefined;
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 60));
}
