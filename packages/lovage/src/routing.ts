import type { QueueSpec, Route } from "./brokers/broker.js";
import type { SendOptions } from "./call.js";
import { ConfigurationError } from "./errors.js";
import type { QueueSetting, Settings } from "./settings.js";

/** Where a message goes and the queue to declare first, if it is one of ours. */
export interface Destination {
  readonly route: Pick<Route, "exchange" | "routingKey" | "priority">;
  readonly queue: QueueSpec | undefined;
}

type Placement = Pick<SendOptions, "queue" | "exchange" | "routingKey" | "priority">;

/** Decides the queue of each call: the call's options, then the task's, then `taskRoutes`, then the default queue. */
export class Router {
  readonly #settings: Settings;
  /** As `taskQueues` defines them. */
  readonly #queues: ReadonlyMap<string, QueueSpec>;
  /** Those made on the spot. */
  readonly #made = new Map<string, QueueSpec>();

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#queues = new Map((settings.taskQueues ?? []).map((queue) => [queue.name, queueSpec(queue, settings)]));
  }

  /** Queues a worker consumes when it is given none: those configured, else the default one. */
  defaultQueues(): readonly QueueSpec[] {
    return this.#queues.size > 0 ? [...this.#queues.values()] : [this.queue(this.#settings.taskDefaultQueue)];
  }

  /** The definition of a queue by name; made on the spot for one that is not configured. */
  queue(name: string): QueueSpec {
    const known = this.#queues.get(name) ?? this.#made.get(name);
    if (known) return known;
    if (!this.#settings.taskCreateMissingQueues && name !== this.#settings.taskDefaultQueue) {
      throw new ConfigurationError(
        `queue ${JSON.stringify(name)} is not in taskQueues (${[...this.#queues.keys()].join(", ") || "none"}), and taskCreateMissingQueues is off`,
        { code: "unknown_queue" },
      );
    }
    const made = queueSpec({ name }, this.#settings);
    this.#made.set(name, made);
    return made;
  }

  /** @param call what the call asks for @param task what its task does; the first that says counts */
  destination(taskName: string, call: Placement, task: Placement = {}): Destination {
    const routed = this.#routed(taskName);
    const queueName = call.queue ?? task.queue ?? routed.queue;
    const exchange = call.exchange ?? task.exchange ?? routed.exchange;
    const routingKey = call.routingKey ?? task.routingKey ?? routed.routingKey;
    const priority =
      call.priority ?? task.priority ?? routed.priority ?? this.#settings.taskDefaultPriority ?? undefined;
    if (exchange !== undefined && queueName === undefined) {
      const key = routingKey ?? this.#settings.taskDefaultRoutingKey ?? this.#settings.taskDefaultQueue;
      return { route: route(exchange, key, priority), queue: undefined };
    }
    const queue = this.queue(queueName ?? this.#settings.taskDefaultQueue);
    return { route: this.#routeTo(queue, exchange, routingKey, priority), queue };
  }

  /** A direct exchange is passed over unless exchange and key are both given. Source: celery-protocol 3.3. */
  #routeTo(
    queue: QueueSpec,
    exchange: string | undefined,
    routingKey: string | undefined,
    priority: number | undefined,
  ): Destination["route"] {
    const direct = (queue.exchange?.type ?? "direct") === "direct";
    if (direct && (exchange === undefined || routingKey === undefined)) return route("", queue.name, priority);
    return route(exchange ?? queue.exchange?.name ?? "", routingKey ?? queue.routingKey ?? queue.name, priority);
  }

  #routed(taskName: string): Placement {
    for (const each of this.#settings.taskRoutes) {
      const found = each(taskName);
      if (found) return found;
    }
    return {};
  }
}

function route(exchange: string, routingKey: string, priority: number | undefined): Destination["route"] {
  return priority === undefined ? { exchange, routingKey } : { exchange, routingKey, priority };
}

function queueSpec(queue: QueueSetting, settings: Settings): QueueSpec {
  const isDefault = queue.name === settings.taskDefaultQueue;
  const exchange = queue.exchange ?? (isDefault ? settings.taskDefaultExchange : null) ?? queue.name;
  const routingKey = queue.routingKey ?? (isDefault ? settings.taskDefaultRoutingKey : null) ?? queue.name;
  const maxPriority = queue.maxPriority ?? settings.taskQueueMaxPriority ?? undefined;
  const type = queue.type ?? settings.taskDefaultQueueType;
  return {
    name: queue.name,
    exchange: { name: exchange, type: queue.exchangeType ?? settings.taskDefaultExchangeType },
    routingKey,
    ...(maxPriority !== undefined && { maxPriority }),
    ...(queue.priorityOrder !== undefined && { priorityOrder: queue.priorityOrder }),
    ...(type !== "classic" && { type }),
  };
}
