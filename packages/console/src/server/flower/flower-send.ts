import { type ApplyOptions, type AsyncResult, ResultTimeoutError, ValidationError } from "lovage";
import { type TaskMeta, validateInput } from "lovage/internal";
import { redactText, redactValue } from "../ingest/redact.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError } from "../route.js";
import { redactedByApp } from "../tasks/redacted-contents.js";
import { badArgument } from "./flower-arguments.js";
import { noBackend, reach, requireTask } from "./flower-control.js";

/** The members of a request's body that are options of the call, by Celery's names. */
const OPTION_READERS: Readonly<Record<string, (value: unknown) => Partial<ApplyOptions>>> = {
  countdown: (value) => ({ countdown: readSeconds("countdown", value) }),
  eta: (value) => ({ eta: readTime("eta", value) }),
  expires: (value) => ({
    expires:
      typeof value === "number" || /^\s*[\d.]+\s*$/.test(String(value))
        ? readSeconds("expires", value)
        : readTime("expires", value),
  }),
  queue: (value) => ({ queue: readText("queue", value) }),
  exchange: (value) => ({ exchange: readText("exchange", value) }),
  routing_key: (value) => ({ routingKey: readText("routing_key", value) }),
  priority: (value) => ({ priority: readSeconds("priority", value) }),
  task_id: (value) => ({ taskId: readText("task_id", value) }),
  shadow: (value) => ({ shadow: readText("shadow", value) }),
  time_limit: (value) => ({ timeLimit: readSeconds("time_limit", value) }),
  soft_time_limit: (value) => ({ softTimeLimit: readSeconds("soft_time_limit", value) }),
  ignore_result: (value) => ({ ignoreResult: value === true }),
  headers: (value) => ({ headers: readObject("headers", value) }),
};

export const SENDING = ["apply", "async-apply", "send-task"] as const;
export type Sending = (typeof SENDING)[number];

/** `POST /api/task/{apply,async-apply,send-task}/{name}`: sends the task; `apply` waits for its end, until `signal` aborts. */
export async function sendTask(
  parts: ConsoleParts,
  how: Sending,
  name: string,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { args = [], kwargs = {}, ...rest } = body;
  if (!Array.isArray(args)) throw badArgument("args must be an array");
  const named = readObject("kwargs", kwargs);
  const options = Object.entries(rest).map(readOption);
  if (how !== "send-task") requireTask(parts, name);
  await validate(parts, name, args, named);
  const result = await reach(() => parts.app.sendTask(name, args, { ...Object.assign({}, ...options), kwargs: named }));
  const hasBackend = parts.app.settings.resultBackend !== null;
  if (how !== "apply")
    return { "task-id": result.id, ...(hasBackend && { state: await reach(() => result.status()) }) };
  if (!hasBackend) throw noBackend();
  await result.get({ propagate: false, signal });
  return { "task-id": result.id, ...(await outcomeOf(parts, result, name)) };
}

/** `GET /api/task/result/{id}`: its state, and its result when it is there or comes within `timeout` seconds. */
export async function taskResult(
  parts: ConsoleParts,
  id: string,
  timeout: number | undefined,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  if (parts.app.settings.resultBackend === null) throw noBackend();
  const result = parts.app.asyncResult(id);
  return await reach(async () => {
    if (timeout) await result.get({ timeout, signal, propagate: false }).catch(ignoreTimeout);
    const ready = await result.ready();
    if (!ready) return { "task-id": id, state: await result.status() };
    const name = (await parts.tasks.get(id))?.name ?? null;
    return { "task-id": id, ...(await outcomeOf(parts, result, name)) };
  });
}

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof ResultTimeoutError)) throw error;
}

/** What became of it, with what the rest of the console masks masked as well. `name`: the task's, as far as it is known. */
async function outcomeOf(
  parts: ConsoleParts,
  result: AsyncResult<unknown>,
  name: string | null,
): Promise<Readonly<Record<string, unknown>>> {
  const meta = await reach(() => result.meta());
  if (!meta) return { state: "PENDING" };
  const failed = meta.status === "FAILURE" || meta.status === "REVOKED";
  return {
    state: meta.status,
    result: failed ? redactText(exceptionText(meta)) : shownResult(parts, meta, name),
    ...(meta.status === "FAILURE" && { traceback: meta.traceback && redactText(meta.traceback) }),
  };
}

function shownResult(parts: ConsoleParts, meta: TaskMeta, name: string | null): unknown {
  const { result } = redactedByApp(parts, name ?? meta.name ?? null, { result: meta.result });
  return redactValue(result).value ?? null;
}

/** As Python shows it: `ValueError('no')`. */
function exceptionText({ result }: TaskMeta): string {
  if (typeof result !== "object" || result === null) return String(result);
  const type: unknown = Reflect.get(result, "exc_type");
  const message: unknown = Reflect.get(result, "exc_message");
  const texts = (Array.isArray(message) ? message : [message]).map(
    (each) => `'${String(each).replaceAll("'", "\\'")}'`,
  );
  return `${String(type)}(${texts.join(", ")})`;
}

async function validate(
  { app }: ConsoleParts,
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Promise<void> {
  const input = app.findTask(name)?.input;
  if (!input) return;
  try {
    await validateInput(input, args.length === 1 ? args[0] : kwargs, name);
  } catch (error) {
    if (error instanceof ValidationError) throw new ApiError(400, "validation", error.message, { cause: error });
    throw error;
  }
}

function readOption([name, value]: readonly [string, unknown]): Partial<ApplyOptions> {
  const read = Object.hasOwn(OPTION_READERS, name) ? OPTION_READERS[name] : undefined;
  if (!read)
    throw badArgument(
      `Invalid option ${JSON.stringify(name.slice(0, 60))}: known are ${Object.keys(OPTION_READERS).join(", ")}`,
    );
  return value === null ? {} : read(value);
}

function readSeconds(name: string, value: unknown): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number) && number >= 0) return number;
  throw badArgument(`Invalid option: ${name} is no number`);
}

/** `%Y-%m-%d %H:%M:%S.%f`, in UTC. */
function readTime(name: string, value: unknown): Date {
  const text = typeof value === "string" ? value : "";
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,6})?$/.exec(text);
  const at = match ? new Date(`${match[1]}T${match[2]}${match[3] ?? ""}Z`) : undefined;
  if (at && !Number.isNaN(at.getTime())) return at;
  throw badArgument(`Invalid option: ${name} is no time as in 2026-01-31 10:00:00.000000`);
}

function readText(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "" && value.length <= 1000) return value;
  throw badArgument(`Invalid option: ${name} is no text`);
}

function readObject(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw badArgument(`${name} must be an object`);
}
