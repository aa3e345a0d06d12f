import { newId } from "../util/ids.js";
import type { TaskMessageFields } from "./encode-task-message.js";
import {
  type Fields,
  isFields,
  readArray,
  readCount,
  readInstant,
  readObject,
  readSeconds,
  readText,
  textOrNull,
} from "./read-fields.js";

/**
 * One call of a task as data, with the six keys that peers insist on. Source: celery-protocol 6.1.
 * `options` are Celery's send options under their wire names: `task_id`, `link`, `queue`, ….
 */
export interface SignatureData {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** `chain`, `group`, `chord`, `map`, `starmap`, `chunks`; null for a plain task. */
  readonly subtask_type: string | null;
  /** Arguments from the caller are ignored. */
  readonly immutable: boolean;
}

/** Reads a signature; keys other than `task` may be missing, others are dropped. Throws a `DecodeError`. */
export function parseSignature(value: unknown): SignatureData {
  return signatureAt(value, "signature");
}

/** As `parseSignature`; `place` is what error messages call it. */
export function signatureAt(value: unknown, place: string): SignatureData {
  const fields = readObject(value, place);
  return {
    task: readText(fields.task, `${place}.task`),
    args: readArray(fields.args ?? [], `${place}.args`),
    kwargs: readObject(fields.kwargs ?? {}, `${place}.kwargs`),
    options: readObject(fields.options ?? {}, `${place}.options`),
    subtask_type: textOrNull(fields.subtask_type),
    immutable: fields.immutable === true,
  };
}

/** A list of signatures, or null for none. One that stands alone counts as a list of one. */
export function signaturesAt(value: unknown, place: string): readonly SignatureData[] | null {
  if (value === null || value === undefined) return null;
  if (isFields(value)) return [signatureAt(value, place)];
  return readArray(value, place).map((each, index) => signatureAt(each, `${place}[${index}]`));
}

/** What an applied signature needs to know of its surroundings. */
export interface ApplyContext {
  /** The task that sends it; its `rootId` is its own id when it is a root itself. */
  readonly sender?: { readonly id: string; readonly rootId: string } | undefined;
  /** For countdowns. */
  readonly now: Date;
  /** `gen<pid>@<host>` */
  readonly origin?: string | undefined;
}

/** A signature ready to be sent. */
export interface AppliedSignature {
  readonly fields: TaskMessageFields;
  /** Where its options want it sent; null where they do not say. */
  readonly queue: string | null;
  readonly exchange: string | null;
  readonly routingKey: string | null;
  readonly subtaskType: string | null;
}

/**
 * A signature with the arguments and options that its caller adds. Source: celery-protocol 6.2.
 * Arguments are put in front, keyword arguments override, both unless it is immutable; options override unless null,
 * but never a stored `group_id`, `stamped_headers` or stamp. Throws a `DecodeError` for options of a wrong type.
 */
export function applySignature(
  data: SignatureData,
  partialArgs: readonly unknown[],
  partialKwargs: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
  context: ApplyContext,
): AppliedSignature {
  const merged = mergeOptions(data.options, options);
  const id = textOrNull(merged.task_id) ?? newId();
  const { sender, now } = context;
  const origin = textOrNull(merged.origin) ?? context.origin;
  const fields: TaskMessageFields = {
    id,
    task: data.task,
    args: data.immutable ? data.args : [...partialArgs, ...data.args],
    kwargs: data.immutable ? data.kwargs : { ...data.kwargs, ...partialKwargs },
    embed: {
      callbacks: signaturesAt(merged.link, "options.link"),
      errbacks: signaturesAt(merged.link_error, "options.link_error"),
      chain: signaturesAt(merged.chain, "options.chain"),
      chord: isFields(merged.chord) ? signatureAt(merged.chord, "options.chord") : null,
    },
    retries: readCount(merged.retries, "options.retries", 0),
    eta: etaOf(merged, now),
    expires: expiresOf(merged.expires, now),
    group: textOrNull(merged.group_id),
    groupIndex: readCount(merged.group_index, "options.group_index", null),
    rootId: textOrNull(merged.root_id) ?? sender?.rootId ?? id,
    parentId: textOrNull(merged.parent_id) ?? sender?.id ?? null,
    timeLimit: {
      hard: readSeconds(merged.time_limit, "options.time_limit"),
      soft: readSeconds(merged.soft_time_limit, "options.soft_time_limit"),
    },
    shadow: textOrNull(merged.shadow),
    ...(origin !== undefined && { origin }),
    ...(typeof merged.ignore_result === "boolean" && { ignoreResult: merged.ignore_result }),
    replacedTaskNesting: readCount(merged.replaced_task_nesting, "options.replaced_task_nesting", 0),
    ...stampsOf(merged),
    replyTo: textOrNull(merged.reply_to) ?? "",
    priority: readCount(merged.priority, "options.priority", 0),
    headers: isFields(merged.headers) ? merged.headers : {},
  };
  return {
    fields,
    queue: textOrNull(merged.queue),
    exchange: textOrNull(merged.exchange),
    routingKey: textOrNull(merged.routing_key),
    subtaskType: data.subtask_type,
  };
}

function mergeOptions(stored: Fields, given: Fields): Fields {
  const merged = new Map<string, unknown>(Object.entries(stored));
  const kept = new Set(["group_id", "stamped_headers", ...stampNames(stored)].filter((name) => stored[name] != null));
  for (const [name, value] of Object.entries(given)) {
    if (value !== null && value !== undefined && !kept.has(name)) merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

function stampNames({ stamped_headers: names }: Fields): readonly string[] {
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

function stampsOf(options: Fields): Pick<TaskMessageFields, "stampedHeaders" | "stamps"> {
  const names = stampNames(options);
  if (names.length === 0) return {};
  return { stampedHeaders: names, stamps: Object.fromEntries(names.map((name) => [name, options[name] ?? null])) };
}

function etaOf({ eta, countdown }: Fields, now: Date): Date | undefined {
  const wait = readSeconds(countdown, "options.countdown");
  if (eta === null || eta === undefined) return wait === null ? undefined : later(now, wait);
  return eta instanceof Date ? eta : readInstant(eta, "options.eta");
}

function expiresOf(expires: unknown, now: Date): Date | undefined {
  if (expires instanceof Date) return expires;
  return typeof expires === "number" ? later(now, expires) : readInstant(expires, "options.expires");
}

function later(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000);
}
