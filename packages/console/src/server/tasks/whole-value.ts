import { encodeJson, type TaskMeta, withDeadline } from "lovage/internal";
import type { TaskValueName } from "../../api/tasks.js";
import { areExact } from "../actions/exact-arguments.js";
import { toApiJson } from "../actions/exact-json.js";
import { redactValue } from "../ingest/redact.js";
import type { ConsoleParts } from "../parts.js";
import { ApiError } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";
import { type FoundContents, redactedByApp } from "./redacted-contents.js";
import { textValue } from "./task-value.js";

/** Seconds that the result backend is given. */
const TIMEOUT = 5;
/** Bytes of JSON at most: secrets are looked for in all of it, and while that is done nothing else is. */
const MOST_BYTES = 2 * 1024 * 1024;
const WHOLE = { parts: MOST_BYTES, text: MOST_BYTES, total: MOST_BYTES };

/** A value as it is written to a file. */
export interface WholeValue {
  readonly text: string;
  /** Exact JSON, or a text that a worker made for people. */
  readonly form: "json" | "text";
}

interface Found {
  /** As who found it calls the task. */
  readonly name: string | null;
  readonly contents: FoundContents;
}

/**
 * A value of a task, whole: from its record, the result backend, its message while that waits somewhere, or the job's run. Redacted as
 * pages show it. Throws an `ApiError` (404, `value_not_kept`) that says why it cannot be had, or (413, `value_too_large`).
 */
export async function wholeValueOf(parts: ConsoleParts, record: TaskRecord, name: TaskValueName): Promise<WholeValue> {
  const json = record[`${name}Json`];
  if (json !== null) return { text: json, form: "json" };
  const found = await find(parts, record, name);
  if (found?.contents[name] !== undefined) return writtenOut(parts, record, name, found);
  const text = record[name];
  if (text !== null && !textValue(text).cut) return { text, form: "text" };
  throw new ApiError(404, "value_not_kept", whyNot(name, text));
}

function whyNot(name: TaskValueName, text: string | null): string {
  const places = name === "result" ? "the result backend" : "the result backend, a queue, or the run of a job";
  const told = text === null ? "nobody told it" : "only its beginning was told";
  return `the whole is not kept: ${told}, and ${places} does not have it (any longer), or cannot be asked`;
}

async function find(parts: ConsoleParts, record: TaskRecord, name: TaskValueName): Promise<Found | undefined> {
  if (name === "result") {
    const meta = await storedMeta(parts, record.id);
    // Of a task that failed it is the error, which is shown as one.
    return meta?.status === "SUCCESS"
      ? { name: meta.name ?? null, contents: { args: meta.args, kwargs: meta.kwargs, result: meta.result } }
      : undefined;
  }
  const found = await parts.actions.arguments.find(record);
  if (!areExact(found)) return undefined;
  const { args, kwargs, message } = found;
  return { name: message?.task ?? null, contents: { args, kwargs } };
}

async function storedMeta({ app, logger }: ConsoleParts, id: string): Promise<TaskMeta | undefined> {
  if (app.settings.resultBackend === null) return undefined;
  const read = async (): Promise<TaskMeta | undefined> => {
    const backend = await app.direct.backend();
    return backend.capabilities.readers === "all" ? await backend.get(id) : undefined;
  };
  try {
    return await withDeadline(read(), TIMEOUT, () => new Error(`no answer within ${TIMEOUT} s`));
  } catch (error) {
    logger.warn("the result backend could not be asked for a task", { task: id, error: String(error) });
    return undefined;
  }
}

function writtenOut(parts: ConsoleParts, record: TaskRecord, name: TaskValueName, found: Found): WholeValue {
  const shown = redactedByApp(parts, record.name ?? found.name, found.contents)[name];
  if (shown === undefined) throw new ApiError(404, "value_not_kept", "the program's own redact() hides it");
  if (Buffer.byteLength(jsonOf(shown)) > MOST_BYTES) throw tooLarge();
  const { value, cut } = redactValue(shown, WHOLE);
  if (cut) throw tooLarge();
  return { text: jsonOf(value), form: "json" };
}

function tooLarge(): ApiError {
  const detail = `it is larger than ${MOST_BYTES / 1024 / 1024} MiB, or nested too deep to be searched for secrets`;
  return new ApiError(413, "value_too_large", detail);
}

function jsonOf(value: unknown): string {
  try {
    return encodeJson(value);
  } catch {
    // NaN, which Python sends and JSON has no form for.
    return JSON.stringify(toApiJson(value)) ?? "null";
  }
}
