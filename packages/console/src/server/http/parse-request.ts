import type { z } from "@hono/zod-openapi";
import { ApiError } from "../route.js";
import type { ConsoleContext } from "./console-env.js";

/** Most bytes of a body, unless its route allows more: what it holds is kept in memory. */
const BODY_LIMIT_BYTES = 1024 * 1024;
/** Levels of arrays and objects in a body. */
const MAX_DEPTH = 500;
const MOST_ERRORS = 50;

/** Parses `value`; throws a 400 that names every member that is wrong. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues
    .slice(0, MOST_ERRORS)
    .map((issue) => ({ path: pathText(issue.path), message: issue.message }));
  const first = errors[0];
  const detail = first === undefined ? "" : `: ${first.path === "" ? "" : `${first.path}: `}${first.message}`;
  throw new ApiError(400, "validation", `the ${what} cannot be read${detail}`, { errors });
}

/** As in `args[0].url`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}${text === "" ? "" : "."}${String(key)}`),
    "",
  );
}

/** The query's parameters; one that is empty counts as left out. Of one that is repeated, the last. */
export function queryOf(context: ConsoleContext): Readonly<Record<string, string>> {
  const query = new URL(context.req.url).searchParams;
  return Object.fromEntries([...query].filter(([, value]) => value !== ""));
}

/** The body's JSON; `{}` where there is none. Throws 413, 415 or 400 for what is too long, of another type or no JSON. */
export async function jsonBodyOf(context: ConsoleContext, limitBytes = BODY_LIMIT_BYTES): Promise<unknown> {
  const text = await textBodyOf(context, limitBytes);
  if (text.trim() === "") return {};
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/([a-z.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new ApiError(415, "unsupported_media_type", "the body must be JSON, with Content-Type: application/json");
  }
  return parseJsonText(text);
}

/** Throws a 400 for what is no JSON, and for what is nested deeper than what looks into it can go. */
export function parseJsonText(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : "it is no JSON";
    throw new ApiError(400, "bad_json", `the body is no JSON: ${why}`, { cause: error });
  }
  if (isDeeper(value, MAX_DEPTH))
    throw new ApiError(400, "bad_json", `the body is nested more than ${MAX_DEPTH} levels deep`);
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

/** The body as text. Throws a 413 as soon as it is longer than the limit, however it is sent. */
export async function textBodyOf(context: ConsoleContext, limitBytes = BODY_LIMIT_BYTES): Promise<string> {
  const length = context.req.header("content-length");
  if (length !== undefined && Number(length) > limitBytes) throw tooLarge(limitBytes);
  const body = context.req.raw.body;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limitBytes) {
      await reader.cancel();
      throw tooLarge(limitBytes);
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError(413, "body_too_large", `the body is longer than ${limitBytes} bytes`);
}
