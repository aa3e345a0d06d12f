import type { RedisServer } from "../../connections/redis.js";
import type { Logger } from "../../util/logger.js";
import { matchesTopic } from "../topic-pattern.js";
import { bindingKey, listKey } from "./keys.js";
import type { RedisTransport } from "./options.js";
import { textOf, textsOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";
import { translated } from "./translate.js";

export interface AbandonedParts {
  readonly server: RedisServer;
  readonly scripts: BrokerScripts;
  readonly transport: RedisTransport;
  readonly logger: Logger;
}

/** Messages looked at in one round. */
const ROUND_COUNT = 100;

/** kombu's mutex is given up only by whoever holds it. Source: the Redis manual's page on SET ("Patterns"). */
const RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/**
 * Restores what Python workers took and let lie beyond the visibility timeout, by kombu's rules (celery-protocol 4.6): whoever holds the
 * mutex, newest first, to the head of the lists, marked as redelivered. Also what one of ours held whose lease was lost from Redis.
 * Returns how many.
 */
export async function restoreAbandoned(parts: AbandonedParts, lockToken: string): Promise<number> {
  const { server, scripts, transport } = parts;
  const found = async (): Promise<string[]> =>
    textsOf(await scripts.run("abandoned", [transport.visibilityTimeout, ROUND_COUNT]));
  // Nearly always there is nothing: then the mutex is left alone.
  if ((await found()).length === 0) return 0;
  const mutex = `${transport.globalKeyprefix}${transport.unackedMutexKey}`;
  const lock = [mutex, lockToken, "PX", Math.round(transport.unackedMutexExpire * 1000), "NX"];
  if ((await translated(server.call("set", lock))) !== "OK") return 0;
  let count = 0;
  try {
    const rows = await found();
    for (let at = 0; at + 1 < rows.length; at += 2)
      count += await restoreOne(parts, rows[at] ?? "", rows[at + 1] ?? "");
  } finally {
    await translated(server.call("eval", [RELEASE, 1, mutex, lockToken])).catch(() => undefined);
  }
  return count;
}

async function restoreOne(parts: AbandonedParts, tag: string, saved: string): Promise<number> {
  const { scripts, transport, logger } = parts;
  const read = readSaved(saved);
  if (!read) {
    logger.error("an unacknowledged message of another worker cannot be read: left where it is", { tag });
    return 0;
  }
  const queues = read.exchange === "" ? [read.routingKey] : await boundQueues(parts, read.exchange, read.routingKey);
  const step = stepFor(transport, ownStep(tag) ?? read.priority);
  const lists = queues.map((queue) => listKey(transport, queue, step));
  if (lists.length === 0) {
    logger.error("an unacknowledged message of another worker has no queue to go back to: left where it is", { tag });
    return 0;
  }
  return Number(textOf(await scripts.run("restore", [tag, read.envelope, ...lists])));
}

/** `[envelope, exchange, routing key]`, cut as text so that the envelope stays what it was, its numbers too. */
function readSaved(
  saved: string,
): { envelope: string; exchange: string; routingKey: string; priority: number } | undefined {
  const cut = /,\s*("(?:[^"\\]|\\.)*")\s*,\s*("(?:[^"\\]|\\.)*")\s*\]\s*$/.exec(saved.slice(-2000));
  if (!cut?.[1] || !cut[2]) return undefined;
  const envelope = saved.slice(1, saved.length - cut[0].length).trim();
  try {
    const parsed: unknown = JSON.parse(envelope);
    const priority: unknown = fieldOf(fieldOf(parsed, "properties"), "priority");
    return {
      envelope: marked(envelope),
      exchange: String(JSON.parse(cut[1])),
      routingKey: String(JSON.parse(cut[2])),
      priority: typeof priority === "number" ? priority : 0,
    };
  } catch {
    return undefined;
  }
}

/** As kombu marks it: `headers.redelivered` and `properties.delivery_info.redelivered`. */
function marked(envelope: string): string {
  return ["headers", "delivery_info"].reduce((text, name) => {
    const pattern = new RegExp(`("${name}": ?\\{)(?!"redelivered")(\\s*\\}?)`);
    return text.replace(pattern, (_, start: string, end: string) =>
      end.includes("}") ? `${start}"redelivered": true}` : `${start}"redelivered": true, `,
    );
  }, envelope);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** The largest step that is not above the priority. */
function stepFor({ prioritySteps }: RedisTransport, priority: number): number {
  return prioritySteps.findLast((step) => step <= priority) ?? 0;
}
/** The step in a tag of ours. */
function ownStep(tag: string): number | undefined {
  const [, step] = /^lovage:[^:]*:\d+\+\d+:(\d+):/.exec(tag) ?? [];
  return step === undefined ? undefined : Number(step);
}

/** Where kombu's exchange would take it. Bindings of topic exchanges have a pattern, which is the key once more as a regular expression. */
async function boundQueues(
  { server, transport }: AbandonedParts,
  exchange: string,
  routingKey: string,
): Promise<string[]> {
  const members = textsOf(await translated(server.call("smembers", [bindingKey(transport, exchange)])));
  const queues = members.flatMap((member) => {
    const [bound = "", pattern = "", queue = ""] = member.split(transport.sep);
    return queue !== "" && (pattern === "" ? bound === routingKey : matchesTopic(bound, routingKey)) ? [queue] : [];
  });
  return [...new Set(queues)];
}
