import type { QueueDetail } from "../../api/queues.js";
import type { Fleet } from "../parts.js";
import { apiJson } from "./api-json.js";

type Fields = Readonly<Record<string, unknown>>;

/** What workers say of a queue: who consumes it and how, where its messages come from, how they declared it. */
export type QueueUse = Pick<QueueDetail, "consumersList" | "bindings" | "settings">;

/**
 * Of the last replies of workers that are not offline. Workers do not say their consumers' tags; whether they acknowledge, and how many
 * they take ahead, is in what they answered last. Replies come from whoever calls itself a worker: anything may be in them.
 */
export function queueUse(fleet: Fleet, queue: string): QueueUse {
  const consumersList: QueueDetail["consumersList"] = [];
  const bindings = new Map<string, QueueDetail["bindings"][number]>();
  let declared: Fields | undefined;
  for (const { name, status, queues } of fleet.list()) {
    if (status === "offline" || !queues.includes(queue)) continue;
    const replies = fleet.replies(name)?.replies ?? {};
    const entry = listOf(replies.active_queues).find((each) => each.name === queue);
    declared ??= entry;
    for (const binding of entry ? bindingsOf(entry) : [])
      bindings.set(JSON.stringify([binding.exchange, binding.routingKey]), binding);
    consumersList.push({
      worker: name,
      tag: null,
      prefetch: numberOrNull(fieldsOf(replies.stats).prefetch_count),
      ack: entry ? entry.no_ack !== true : null,
      active: replies.active === undefined ? null : activeOf(listOf(replies.active), entry, queue),
    });
  }
  return { consumersList, bindings: [...bindings.values()], settings: declared ? settingsOf(declared) : [] };
}

function activeOf(tasks: readonly Fields[], entry: Fields | undefined, queue: string): number {
  const exchange = String(fieldsOf(entry?.exchange).name ?? "");
  const key = String(entry?.routing_key ?? queue);
  return tasks.filter((task) => {
    const delivery = fieldsOf(task.delivery_info);
    const anonymous = delivery.exchange === "" && delivery.routing_key === queue;
    return anonymous || (delivery.exchange === exchange && delivery.routing_key === key);
  }).length;
}

function bindingsOf(entry: Fields): QueueDetail["bindings"] {
  const own = bindingOf(entry.exchange, entry.routing_key, entry.binding_arguments);
  const more = listOf(entry.bindings).map((each) => bindingOf(each.exchange, each.routing_key, each.arguments));
  return [own, ...more].flatMap((each) => each ?? []);
}

function bindingOf(exchange: unknown, routingKey: unknown, args: unknown): QueueDetail["bindings"][number] | undefined {
  const { name, type } = fieldsOf(exchange);
  if (typeof name !== "string" || name === "") return undefined;
  return {
    exchange: name,
    exchangeType: typeof type === "string" ? type : "direct",
    routingKey: typeof routingKey === "string" ? routingKey : "",
    arguments: plain(args),
  };
}

/** Celery's names of a queue's properties, in the order people look for them. Source: celery-protocol 9.6. */
const SETTINGS = [
  "durable",
  "exclusive",
  "auto_delete",
  "expires",
  "message_ttl",
  "max_length",
  "max_length_bytes",
  "max_priority",
] as const;

function settingsOf(entry: Fields): QueueDetail["settings"] {
  const own = SETTINGS.filter((name) => entry[name] !== undefined).map((name) => ({
    name,
    value: apiJson(entry[name]),
  }));
  const args = Object.entries(plain(entry.queue_arguments)).map(([name, value]) => ({ name, value }));
  return [...own, ...args];
}

function plain(value: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([name, each]) => [name, apiJson(each)]));
}
function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}
function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
