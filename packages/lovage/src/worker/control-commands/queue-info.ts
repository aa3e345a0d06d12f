import type { QueueSpec } from "../../brokers/broker.js";

/** A queue as `active_queues` shows it: the members of Celery's own object, in its order. Source: celery-protocol 9.6. */
export function queueInfo({ name, exchange, routingKey, maxPriority }: QueueSpec): Readonly<Record<string, unknown>> {
  return {
    name,
    exchange: {
      name: exchange?.name ?? "",
      type: exchange?.type ?? "direct",
      arguments: null,
      durable: true,
      passive: false,
      auto_delete: false,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: routingKey ?? name,
    queue_arguments: maxPriority === undefined ? null : { "x-max-priority": maxPriority },
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  };
}
