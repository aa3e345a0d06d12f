import { DecodeError } from "../errors.js";
import { type DecodeBodyOptions, decodeJson, readBodyText } from "./content.js";
import { TASK_HEADERS } from "./encode-task-message.js";
import type { Message, MessageProperties } from "./message.js";
import {
  type Fields,
  isFields,
  readArray,
  readCount,
  readInstant,
  readObject,
  readSeconds,
  readText,
  readTextOrNull,
  textOrNull,
  wrong,
} from "./read-fields.js";
import { reprArgs, reprKwargs } from "./repr.js";
import { signatureAt, signaturesAt } from "./signature.js";
import type { TaskEmbed, TaskMessage } from "./task-message.js";

/**
 * Recognises and checks a task message: protocol 2, the hybrid of both, or protocol 1, in this order.
 * Throws `ContentDisallowed` or `DecodeError`, and nothing else: such a message can never be run.
 * Source: celery-protocol 2.9 and 2.10.
 */
export function decodeTaskMessage(message: Message, options: DecodeBodyOptions = {}): TaskMessage {
  const headers = readObject(message.headers, "the message's headers");
  const text = readBodyText(message.body, message.contentType, message.contentEncoding, headers.compression, options);
  const payload = decodeJson(text, decodeOptions(options));
  const properties = isFields(message.properties) ? message.properties : {};
  if (headers.task === null || headers.task === undefined) return readProtocol1(payload, headers, properties);
  if (isFields(payload) && "args" in payload) return readHybrid(payload, headers, properties);
  return readProtocol2(payload, headers, properties, text);
}

/** Id and name of a message as far as its headers tell, for logging one that cannot be decoded. Never throws. */
export function peekTaskHeaders(message: Message): {
  readonly id: string | undefined;
  readonly task: string | undefined;
} {
  const headers = isFields(message.headers) ? message.headers : {};
  const properties = isFields(message.properties) ? message.properties : {};
  return {
    id: textOrNull(headers.id) ?? textOrNull(properties.correlation_id) ?? undefined,
    task: textOrNull(headers.task) ?? undefined,
  };
}

function decodeOptions({ limits, typedValues }: DecodeBodyOptions): DecodeBodyOptions["limits"] {
  return typedValues === undefined ? limits : { ...limits, ...{ typedValues } };
}

function readProtocol2(payload: unknown, headers: Fields, properties: Fields, bodyText: string): TaskMessage {
  if (!Array.isArray(payload)) throw wrong("the body", "an array of args, kwargs and embed", payload);
  if (payload.length !== 3) {
    throw new DecodeError(`the body has ${payload.length} elements where args, kwargs and embed belong`);
  }
  const [args, kwargs, embed] = payload;
  return assemble({ headers, custom: headers, properties, args, kwargs, embed, bodyText, form: "protocol-2" });
}

/** Headers as in protocol 2, arguments as in protocol 1: what the headers lack is taken from the body. */
function readHybrid(payload: Fields, headers: Fields, properties: Fields): TaskMessage {
  const present = Object.entries(headers).filter(([, value]) => value !== null);
  const merged = { ...withGroupOfTaskset(payload), ...Object.fromEntries(present) };
  return assemble({ ...ofBody(payload), headers: merged, custom: headers, properties, form: "hybrid" });
}

function readProtocol1(payload: unknown, headers: Fields, properties: Fields): TaskMessage {
  if (!isFields(payload) || typeof payload.task !== "string") {
    throw new DecodeError("neither the headers nor the body name a task");
  }
  return assemble({
    ...ofBody(payload),
    headers: withGroupOfTaskset(payload),
    custom: headers,
    properties,
    form: "protocol-1",
  });
}

function ofBody(payload: Fields): Pick<MessageParts, "args" | "kwargs" | "embed" | "bodyText"> {
  return { args: payload.args ?? [], kwargs: payload.kwargs ?? {}, embed: payload, bodyText: undefined };
}

function withGroupOfTaskset(payload: Fields): Fields {
  return payload.taskset === null || payload.taskset === undefined ? payload : { ...payload, group: payload.taskset };
}

interface MessageParts {
  /** Celery's own headers, wherever they stood. */
  readonly headers: Fields;
  /** The headers of the message itself, for those that are not Celery's. */
  readonly custom: Fields;
  readonly properties: Fields;
  readonly args: unknown;
  readonly kwargs: unknown;
  readonly embed: unknown;
  readonly bodyText: string | undefined;
  readonly form: TaskMessage["form"];
}

function assemble({ headers, custom, properties, form, bodyText, ...body }: MessageParts): TaskMessage {
  const args = readArray(body.args, "args");
  const kwargs = readObject(body.kwargs, "kwargs");
  return {
    id: readText(headers.id, "header id"),
    task: readText(headers.task, "header task"),
    args,
    kwargs,
    embed: readEmbed(body.embed),
    bodyText,
    form,
    retries: readCount(headers.retries, "header retries", 0),
    eta: readInstant(headers.eta, "header eta"),
    expires: readInstant(headers.expires, "header expires"),
    group: readTextOrNull(headers.group, "header group"),
    groupIndex: readCount(headers.group_index, "header group_index", null),
    rootId: readTextOrNull(headers.root_id, "header root_id"),
    parentId: readTextOrNull(headers.parent_id, "header parent_id"),
    timeLimit: readTimeLimit(headers.timelimit),
    shadow: textOrNull(headers.shadow),
    origin: textOrNull(headers.origin),
    ignoreResult: typeof headers.ignore_result === "boolean" ? headers.ignore_result : null,
    argsrepr: textOrNull(headers.argsrepr) ?? reprArgs(args),
    kwargsrepr: textOrNull(headers.kwargsrepr) ?? reprKwargs(kwargs),
    replacedTaskNesting: readCount(headers.replaced_task_nesting, "header replaced_task_nesting", 0),
    stampedHeaders: readNames(headers.stamped_headers),
    stamps: isFields(headers.stamps) ? headers.stamps : NOTHING,
    replyTo: textOrNull(properties.reply_to),
    correlationId: textOrNull(properties.correlation_id),
    priority: priorityOf(properties),
    headers: customHeaders(custom),
  };
}

const NOTHING: Fields = Object.freeze({});
const NO_EMBED: TaskEmbed = Object.freeze({ callbacks: null, errbacks: null, chain: null, chord: null });

function readEmbed(value: unknown): TaskEmbed {
  if (value === null) return NO_EMBED;
  const { callbacks, errbacks, chain, chord } = readObject(value, "embed");
  if (callbacks == null && errbacks == null && chain == null && chord == null) return NO_EMBED;
  return {
    callbacks: signaturesAt(callbacks, "callbacks"),
    errbacks: signaturesAt(errbacks, "errbacks"),
    chain: signaturesAt(chain, "chain"),
    chord: chord === null || chord === undefined ? null : signatureAt(chord, "chord"),
  };
}

/** Hard first. Source: celery-protocol 2.3. */
function readTimeLimit(value: unknown): TaskMessage["timeLimit"] {
  const [hard, soft] = value === null || value === undefined ? [] : readArray(value, "header timelimit");
  return { hard: readSeconds(hard, "header timelimit[0]"), soft: readSeconds(soft, "header timelimit[1]") };
}

function readNames(value: unknown): readonly string[] | null {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : null;
}

/** Display and order only: a broken one is no reason to lose the task. */
function priorityOf({ priority }: MessageProperties): number {
  return typeof priority === "number" && Number.isFinite(priority) ? priority : 0;
}

function customHeaders(headers: Fields): Fields {
  let custom: [string, unknown][] | undefined;
  for (const name of Object.keys(headers)) {
    if (TASK_HEADERS.has(name)) continue;
    custom ??= [];
    custom.push([name, headers[name]]);
  }
  return custom ? Object.fromEntries(custom) : NOTHING;
}
