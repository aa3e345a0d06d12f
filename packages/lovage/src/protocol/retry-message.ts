import { bodyOfText } from "./content.js";
import { encodeTaskMessage, expirationOf, taskBodyText } from "./encode-task-message.js";
import { formatInstant } from "./instant.js";
import type { Message, MessageProperties } from "./message.js";
import { reprArgs, reprKwargs } from "./repr.js";
import type { TaskMessage } from "./task-message.js";

/** How the next try differs from the one before. */
export interface RetryChanges {
  /** When to run again; at once without it. */
  readonly eta?: Date | undefined;
  /** @default one more than before */
  readonly retries?: number | undefined;
  readonly args?: readonly unknown[] | undefined;
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** For the time a message has left until it expires. @default the present */
  readonly now?: Date | undefined;
  /** For changed arguments; see `EncodeJsonOptions.typedValues`. @default true */
  readonly typedValues?: boolean | undefined;
}

/**
 * The message that runs a task again: same id, same body to the byte unless arguments change, the headers as they came (those
 * this version does not know included), with one more retry. A message of an older form becomes protocol 2.
 * Source: celery-protocol 7.5.
 */
export function retryMessage(original: Message, decoded: TaskMessage, changes: RetryChanges = {}): Message {
  return decoded.form === "protocol-2" ? repeat(original, decoded, changes) : rebuild(original, decoded, changes);
}

function repeat(original: Message, decoded: TaskMessage, changes: RetryChanges): Message {
  const headers: Record<string, unknown> = {
    ...withoutBrokerHeaders(original.headers),
    retries: changes.retries ?? decoded.retries + 1,
    eta: changes.eta ? formatInstant(changes.eta) : null,
    root_id: decoded.rootId ?? decoded.id,
    parent_id: decoded.parentId ?? decoded.id,
  };
  const properties = repeatedProperties(original.properties, decoded, changes.now);
  if (!changes.args && !changes.kwargs) return { ...original, headers, properties };
  const { args, kwargs } = { args: changes.args ?? decoded.args, kwargs: changes.kwargs ?? decoded.kwargs };
  const { compression: _newBodyIsPlain, ...kept } = headers;
  const { body, contentType, contentEncoding } = bodyOfText(
    taskBodyText(args, kwargs, decoded.embed, changes.typedValues),
  );
  return {
    headers: { ...kept, argsrepr: reprArgs(args), kwargsrepr: reprKwargs(kwargs) },
    properties,
    body,
    contentType,
    contentEncoding,
  };
}

function rebuild(original: Message, decoded: TaskMessage, changes: RetryChanges): Message {
  const { argsrepr: _args, kwargsrepr: _kwargs, ...fields } = decoded;
  const message = encodeTaskMessage(
    {
      ...fields,
      args: changes.args ?? decoded.args,
      kwargs: changes.kwargs ?? decoded.kwargs,
      retries: changes.retries ?? decoded.retries + 1,
      eta: changes.eta,
      rootId: decoded.rootId ?? decoded.id,
      parentId: decoded.parentId ?? decoded.id,
      headers: withoutBrokerHeaders(decoded.headers),
    },
    { typedValues: changes.typedValues, now: changes.now },
  );
  const properties = repeatedProperties(original.properties, decoded, changes.now);
  return { ...message, properties: { ...message.properties, ...properties } };
}

/** What brokers add to a message on its way: `x-death`, `x-first-death-queue`, …, and a delivery's own marks. */
const BROKER_HEADER = /^(?:x-(?:(?:first|last)-)?death(?:-|$)|x-delivery-count$|x-acquired-count$|redelivered$)/;

function withoutBrokerHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = { ...headers };
  for (const name of Object.keys(kept)) if (BROKER_HEADER.test(name)) delete kept[name];
  return kept;
}

/** `delivery_info`, `delivery_tag` and `body_encoding` describe one delivery over Redis; the driver writes them anew. */
function repeatedProperties(
  properties: MessageProperties,
  decoded: TaskMessage,
  now: Date | undefined,
): MessageProperties {
  const { delivery_info: _info, delivery_tag: _tag, body_encoding: _encoding, expiration: _left, ...kept } = properties;
  const correlated = { ...kept, correlation_id: kept.correlation_id ?? decoded.id };
  return decoded.expires ? { ...correlated, expiration: expirationOf(decoded.expires, now) } : correlated;
}
