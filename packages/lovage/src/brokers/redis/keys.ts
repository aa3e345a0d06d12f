import type { RedisTransport } from "./options.js";

/** The key of a list, by kombu's rule: step 0 is the queue's plain name (celery-protocol 4.2). */
export function listKey(transport: RedisTransport, queue: string, step: number): string {
  const { globalKeyprefix, sep } = transport;
  return step === 0 ? `${globalKeyprefix}${queue}` : `${globalKeyprefix}${queue}${sep}${step}`;
}

/** The lists of one queue, in the order in which they are drained. */
export function listKeys(transport: RedisTransport, queue: string): string[] {
  return transport.prioritySteps.map((step) => listKey(transport, queue, step));
}

/** kombu's set of an exchange's bindings; members are made by `bindingMember` (celery-protocol 4.4). */
export function bindingKey(transport: RedisTransport, exchange: string): string {
  return `${transport.globalKeyprefix}${BINDING}${exchange}`;
}
export const BINDING = "_kombu.binding.";

/** `routing key SEP pattern SEP queue`. */
export function bindingMember(
  transport: RedisTransport,
  binding: { readonly routingKey: string; readonly pattern: string; readonly queue: string },
): string {
  return [binding.routingKey, binding.pattern, binding.queue].join(transport.sep);
}

/** What changes when a message is given an ETA, or a lease is made shorter: see scripts/common.ts. */
export function timeKeys({ globalKeyprefix }: RedisTransport): string[] {
  return [`${globalKeyprefix}lovage:due`, `${globalKeyprefix}lovage:nudge`];
}

/** The channel of a fanout exchange (celery-protocol 4.7). `pattern` for subscribers: there `#` stands for anything. */
export function fanoutChannel(transport: RedisTransport, db: number, exchange: string, routingKey: string): string {
  const { globalKeyprefix, fanoutPrefix, fanoutPatterns } = transport;
  const start =
    fanoutPrefix === true ? `/${db}.` : fanoutPrefix === false ? "" : fanoutPrefix.replaceAll("{db}", String(db));
  const key = routingKey !== "" && fanoutPatterns ? `/${routingKey}` : "";
  return `${globalKeyprefix}${start}${exchange}${key}`;
}

/** A topic pattern as kombu stores it: a regular expression. Source: kombu's TopicExchange.key_to_pattern. */
export function kombuPattern(routingKey: string): string {
  const words = routingKey.split(".").map((word) => {
    if (word === "*") return ".*?[^\\.]";
    if (word === "#") return ".*?";
    return word.replace(/[^\w\s#*]/g, "\\$&");
  });
  return `^${words.join("\\.")}$`;
}
