import { EncodeError } from "../errors.js";
import { systemClock } from "../util/clock.js";
import { bodyOfText, type Compression } from "./content.js";
import { formatInstant } from "./instant.js";
import { decodeJson } from "./json-decode.js";
import { encodeJson, isPlainJson } from "./json-encode.js";
import type { Message, MessageProperties } from "./message.js";
import { reprArgs, reprKwargs } from "./repr.js";
import type { TaskEmbed } from "./task-message.js";

/** What a task message is made of. Everything but the first three has a default. */
export interface TaskMessageFields {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  /** @default {} */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly embed?: Partial<TaskEmbed>;
  readonly retries?: number;
  readonly eta?: Date | null | undefined;
  readonly expires?: Date | null | undefined;
  readonly group?: string | null;
  readonly groupIndex?: number | null;
  /** @default the task's own id */
  readonly rootId?: string | null;
  readonly parentId?: string | null;
  /** Seconds. */
  readonly timeLimit?: { readonly hard: number | null; readonly soft: number | null };
  readonly shadow?: string | null;
  /** `gen<pid>@<host>` */
  readonly origin?: string | null;
  /** @default false */
  readonly ignoreResult?: boolean | null;
  /** @default made from `args` and `kwargs` */
  readonly argsrepr?: string;
  readonly kwargsrepr?: string;
  readonly replacedTaskNesting?: number;
  readonly stampedHeaders?: readonly string[] | null;
  readonly stamps?: Readonly<Record<string, unknown>>;
  readonly replyTo?: string | null;
  /** 0 to 9. @default 0 */
  readonly priority?: number;
  /** Custom headers. One with the name of a header of Celery's own is not sent. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

export interface EncodeTaskOptions {
  /** See `EncodeJsonOptions.typedValues`. @default true */
  readonly typedValues?: boolean | undefined;
  /** For the time a message has left until it expires. @default the present */
  readonly now?: Date | undefined;
  /** @default none */
  readonly compression?: Compression | undefined;
  /** 2 survives a restart of the broker, 1 does not. @default 2 */
  readonly deliveryMode?: 1 | 2 | undefined;
}

/** Celery's own headers, in the order the reference sends them. Source: celery-protocol 2.3. */
export const TASK_HEADERS: ReadonlySet<string> = new Set([
  "lang",
  "task",
  "id",
  "shadow",
  "eta",
  "expires",
  "group",
  "group_index",
  "retries",
  "timelimit",
  "root_id",
  "parent_id",
  "argsrepr",
  "kwargsrepr",
  "origin",
  "ignore_result",
  "replaced_task_nesting",
  "stamped_headers",
  "stamps",
  "compression",
]);

/**
 * A task message of protocol 2 with all the headers of Celery 5.6 and a three-element body.
 * Throws an `EncodeError` naming the place (`args[0].x`) for what JSON cannot carry, and for an empty id or name.
 */
export function encodeTaskMessage(fields: TaskMessageFields, options: EncodeTaskOptions = {}): Message {
  const { id, task, args, kwargs = {}, expires } = fields;
  if (id === "" || task === "") throw new EncodeError("a task message needs an id and a task name that are not empty");
  const { body, contentType, contentEncoding, compression } = bodyOfText(
    taskBodyText(args, kwargs, fields.embed, options.typedValues),
    options.compression,
  );
  const headers: Record<string, unknown> = {
    lang: "js",
    task,
    id,
    shadow: fields.shadow ?? null,
    eta: fields.eta ? formatInstant(fields.eta) : null,
    expires: expires ? formatInstant(expires) : null,
    group: fields.group ?? null,
    group_index: fields.groupIndex ?? null,
    retries: fields.retries ?? 0,
    timelimit: [fields.timeLimit?.hard ?? null, fields.timeLimit?.soft ?? null],
    root_id: fields.rootId ?? id,
    parent_id: fields.parentId ?? null,
    argsrepr: fields.argsrepr ?? reprArgs(args),
    kwargsrepr: fields.kwargsrepr ?? reprKwargs(kwargs),
    origin: fields.origin ?? "",
    ignore_result: fields.ignoreResult ?? false,
    replaced_task_nesting: fields.replacedTaskNesting ?? 0,
    stamped_headers: fields.stampedHeaders ?? null,
    stamps: plainHeaders(fields.stamps ?? {}, "stamps"),
  };
  if (compression !== undefined) headers.compression = compression;
  if (fields.headers) addCustomHeaders(headers, fields.headers);
  return { headers, properties: taskProperties(fields, options), body, contentType, contentEncoding };
}

/** Milliseconds left until `expires`, as the property `expiration` carries them. */
export function expirationOf(expires: Date, now: Date = systemClock.now()): string {
  return String(Math.max(0, Math.trunc(expires.getTime() - now.getTime())));
}

const NO_EMBED = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';

/** `[args, kwargs, embed]` as JSON text. */
export function taskBodyText(
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  embed: Partial<TaskEmbed> | undefined,
  typedValues: boolean | undefined,
): string {
  const argsText = encodeJson(args, { place: "args", typedValues });
  const kwargsText = encodeJson(kwargs, { place: "kwargs", typedValues });
  return `[${argsText},${kwargsText},${embedText(embed, typedValues)}]`;
}

function embedText(embed: Partial<TaskEmbed> | undefined, typedValues: boolean | undefined): string {
  const { callbacks = null, errbacks = null, chain = null, chord = null } = embed ?? {};
  if (callbacks === null && errbacks === null && chain === null && chord === null) return NO_EMBED;
  return encodeJson({ callbacks, errbacks, chain, chord }, { place: "embed", typedValues });
}

function taskProperties(fields: TaskMessageFields, options: EncodeTaskOptions): MessageProperties {
  const properties = {
    correlation_id: fields.id,
    reply_to: fields.replyTo ?? "",
    delivery_mode: options.deliveryMode ?? 2,
    priority: fields.priority ?? 0,
  };
  return fields.expires ? { ...properties, expiration: expirationOf(fields.expires, options.now) } : properties;
}

function addCustomHeaders(headers: Record<string, unknown>, custom: Readonly<Record<string, unknown>>): void {
  const plain = plainHeaders(custom, "headers");
  for (const name of Object.keys(plain)) {
    // A custom header must not be able to change which task runs, or under which id.
    if (!TASK_HEADERS.has(name) && name !== "__proto__") headers[name] = plain[name];
  }
}

/** Headers are JSON values whatever the body is: a date becomes text. */
function plainHeaders(values: Readonly<Record<string, unknown>>, place: string): Readonly<Record<string, unknown>> {
  if (isPlainJson(values, 0)) return values;
  const plain = decodeJson(encodeJson(values, { place, typedValues: false }), { typedValues: false });
  return typeof plain === "object" && plain !== null ? { ...plain } : {};
}
