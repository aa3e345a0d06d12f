import type { Closable } from "../../connections/connections.js";
import type { Message } from "../../protocol/message.js";
import type { BroadcastChannel, ExchangeSpec, ExchangeType, QueueDefinition, QueueSpec, Route } from "../broker.js";
import {
  type Binding,
  checkSameExchange,
  checkSameQueue,
  noSuchQueue,
  queueDefinition,
  routedQueues,
  unroutable,
} from "../routing-table.js";
import { type Entry, MemoryQueue } from "./queue.js";

export interface Listener {
  readonly channel: BroadcastChannel;
  readonly wants: (routingKey: string) => boolean;
  readonly tell: (message: Message, routingKey: string) => void;
}

function copyOf({ headers, properties, ...message }: Message): Message {
  return { ...message, ...JSON.parse(JSON.stringify({ headers, properties })), body: message.body.slice() };
}

/** The broker itself: what the connections of one app to one `memory:` URL share. */
export class MemoryStore implements Closable {
  readonly queues = new Map<string, MemoryQueue>();
  readonly listeners = new Set<Listener>();
  readonly #exchanges = new Map<string, { readonly type: ExchangeType; readonly bindings: Binding<MemoryQueue>[] }>();
  readonly #consumers = new Set<() => void>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #lastId = 0;
  #lastToken = 0;

  nextToken(): number {
    return ++this.#lastToken;
  }

  declare(spec: QueueSpec): void {
    const { name, exchange, routingKey = name, maxPriority } = spec;
    const known = this.queues.get(name);
    if (known) checkSameQueue(known, spec);
    // Before anything is made: what is refused leaves nothing behind.
    const sameExchange = exchange && this.#exchanges.get(exchange.name);
    if (sameExchange) checkSameExchange(sameExchange, exchange);
    if (!known) this.queues.set(name, new MemoryQueue(name, maxPriority));
    if (exchange) this.bind(name, exchange, routingKey);
  }

  bind(queueName: string, spec: ExchangeSpec, routingKey: string): void {
    const queue = this.queues.get(queueName);
    if (!queue) throw noSuchQueue(queueName);
    const exchange = this.#exchanges.get(spec.name) ?? { type: spec.type, bindings: [] };
    checkSameExchange(exchange, spec);
    this.#exchanges.set(spec.name, exchange);
    if (!exchange.bindings.some((each) => each.queue === queue && each.routingKey === routingKey))
      exchange.bindings.push({ queue, routingKey });
  }

  unbind(queueName: string, exchangeName: string, routingKey: string): void {
    const bindings = this.#exchanges.get(exchangeName)?.bindings ?? [];
    const at = bindings.findIndex((each) => each.queue.name === queueName && each.routingKey === routingKey);
    if (at >= 0) bindings.splice(at, 1);
  }

  definition(queue: MemoryQueue): QueueDefinition {
    return queueDefinition(this.#exchanges, queue.maxPriority, (each) => each === queue);
  }

  remove(queueName: string): void {
    this.queues.delete(queueName);
    for (const { bindings } of this.#exchanges.values()) {
      for (let at = bindings.length - 1; at >= 0; at--)
        if (bindings[at]?.queue.name === queueName) bindings.splice(at, 1);
    }
  }

  publish(message: Message, route: Route): void {
    const queues = this.#route(route);
    const now = Date.now();
    // What the publisher does to its message afterwards does not matter, and headers are what JSON makes of them: as on every broker.
    const kept = copyOf(message);
    const dueMs = route.eta && route.eta.getTime() > now ? route.eta.getTime() : undefined;
    for (const queue of queues) {
      const id = ++this.#lastId;
      const entry: Entry = {
        id,
        message: kept,
        exchange: route.exchange,
        routingKey: route.routingKey,
        urgency: queue.urgencyOf(route.priority),
        publishedMs: now,
        position: id,
        readySinceMs: now,
        dueMs,
        deliveries: 0,
        begun: 0,
      };
      if (dueMs === undefined) queue.makeReady(entry);
      else this.#schedule(queue, entry, dueMs);
    }
    this.wakeConsumers();
  }

  /** Calls `wake` whenever there may be something to take. */
  onChange(wake: () => void): () => void {
    this.#consumers.add(wake);
    return () => this.#consumers.delete(wake);
  }
  wakeConsumers(): void {
    for (const wake of this.#consumers) wake();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #route(route: Route): readonly MemoryQueue[] {
    const { exchange, routingKey, mandatory = true } = route;
    const named = this.queues.get(routingKey);
    const through = this.#exchanges.get(exchange);
    const queues =
      exchange === ""
        ? named
          ? [named]
          : []
        : through
          ? routedQueues(through.type, through.bindings, routingKey)
          : [];
    if (queues.length > 0 || !mandatory) return queues;
    throw unroutable(route);
  }

  #schedule(queue: MemoryQueue, entry: Entry, dueMs: number): void {
    queue.scheduled.add(entry);
    // setTimeout's limit; a longer wait is taken in pieces.
    const waitMs = Math.min(2 ** 31 - 1, dueMs - Date.now());
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (!queue.scheduled.has(entry)) return;
        if (Date.now() < dueMs) return this.#schedule(queue, entry, dueMs);
        queue.scheduled.delete(entry);
        entry.position = ++this.#lastId;
        entry.readySinceMs = Date.now();
        queue.makeReady(entry);
        this.wakeConsumers();
      },
      Math.max(0, waitMs),
    ).unref();
    this.#timers.add(timer);
  }
}
