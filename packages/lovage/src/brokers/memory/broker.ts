import type { Share } from "../../connections/connections.js";
import { BrokerError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type {
  Broadcast,
  BroadcastChannel,
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Delivery,
  ExchangeSpec,
  PeekedMessage,
  QueueInspector,
  QueueSpec,
  Route,
  Subscription,
} from "../broker.js";
import { noSuchQueue } from "../routing-table.js";
import { matchesTopic } from "../topic-pattern.js";
import { MemoryConsumer, MemoryDelivery } from "./consumer.js";
import type { Entry, MemoryQueue } from "./queue.js";
import { type Listener, MemoryStore } from "./store.js";

/** A broker inside this process, gone with it. For tests and for trying things out. */
export class MemoryBroker implements Broker {
  readonly capabilities: BrokerCapabilities = {
    priorities: true,
    leases: false,
    durable: false,
    shared: false,
    peek: "clean",
    oldestMessage: true,
    fencing: true,
    deliveryCount: "each",
    etaStep: 0,
    inspection: { held: true, scheduled: true, queues: "all" },
    log: undefined,
  };
  readonly broadcast: Broadcast;
  readonly queues: QueueInspector;
  readonly #share: Share<MemoryStore>;
  readonly #store: MemoryStore;
  readonly #options: BrokerOptions;
  readonly #consumers = new Set<MemoryConsumer>();
  readonly #listeners = new Set<Listener>();
  readonly #taken = new Set<MemoryDelivery>();
  #closing: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#share = options.connections.share(
      `memory broker ${options.url}`,
      (value) => value instanceof MemoryStore,
      () => new MemoryStore(),
    );
    this.#store = this.#share.value;
    this.broadcast = {
      publish: (...args) => this.#broadcast(...args),
      subscribe: (channel, pattern, onMessage) => this.#subscribe(channel, pattern, onMessage),
    };
    this.queues = this.#inspector();
  }

  async connect(): Promise<void> {}

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.cancel()));
    for (const consumer of this.#consumers) await consumer.giveBack();
    await Promise.allSettled([...this.#taken].map((delivery) => delivery.reject({ requeue: true })));
    for (const listener of this.#listeners) this.#store.listeners.delete(listener);
    await this.#share.release();
  }

  async declare(queue: QueueSpec): Promise<void> {
    this.#refuseWhenClosed();
    this.#store.declare(queue);
  }
  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    this.#store.bind(queue, exchange, routingKey);
  }
  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    this.#store.unbind(queue, exchange, routingKey);
  }
  async publish(message: Message, route: Route): Promise<void> {
    this.#refuseWhenClosed();
    this.#store.publish(message, route);
  }

  async consume(
    queues: readonly string[],
    { prefetch }: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#refuseWhenClosed();
    const found = queues.map((name) => {
      const queue = this.#store.queues.get(name);
      if (!queue) throw noSuchQueue(name);
      return queue;
    });
    const consumer = new MemoryConsumer(this.#store, found, prefetch, onDelivery, this.#options.logger);
    this.#consumers.add(consumer);
    return consumer;
  }

  async #broadcast(channel: BroadcastChannel, routingKey: string, message: Message): Promise<void> {
    this.#refuseWhenClosed();
    for (const listener of this.#store.listeners) {
      if (listener.channel === channel && listener.wants(routingKey)) listener.tell(message, routingKey);
    }
  }

  async #subscribe(
    channel: BroadcastChannel,
    pattern: string,
    onMessage: (message: Message, routingKey: string) => void,
  ): Promise<Subscription> {
    this.#refuseWhenClosed();
    const { logger } = this.#options;
    let open = true;
    const listener: Listener = {
      channel,
      wants: (routingKey) =>
        channel === "control" || (channel === "replies" ? pattern === routingKey : matchesTopic(pattern, routingKey)),
      // Later, so that who publishes is never inside who listens.
      tell: (message, routingKey) =>
        setImmediate(() => {
          if (!open) return;
          try {
            onMessage(message, routingKey);
          } catch (error) {
            logger.error("a listener threw", { channel, error: String(error) });
          }
        }),
    };
    this.#listeners.add(listener);
    this.#store.listeners.add(listener);
    return {
      cancel: async () => {
        open = false;
        this.#listeners.delete(listener);
        this.#store.listeners.delete(listener);
      },
    };
  }

  #inspector(): QueueInspector {
    const find = (name: string): MemoryQueue | undefined => {
      this.#refuseWhenClosed();
      return this.#store.queues.get(name);
    };
    return {
      list: async () => {
        this.#refuseWhenClosed();
        return [...this.#store.queues.keys()].sort();
      },
      counts: async (name) => find(name)?.counts(),
      definition: async (name) => {
        const queue = find(name);
        return queue && this.#store.definition(queue);
      },
      peek: async (name, { limit, offset = 0 }) => {
        const queue = find(name);
        return queue ? standing(queue).slice(offset, offset + limit) : [];
      },
      take: async (name, keys) => {
        const queue = find(name);
        return queue ? keys.flatMap((key) => this.#take(queue, Number(key)) ?? []) : [];
      },
      purge: async (name) => find(name)?.purge() ?? 0,
      delete: async (name) => {
        find(name)?.removeAll();
        this.#store.remove(name);
      },
    };
  }

  #take(queue: MemoryQueue, id: number): Delivery | undefined {
    const entry = queue.takeById(id);
    if (!entry) return undefined;
    const delivery = new MemoryDelivery(this.#store, queue, entry, (ended) => this.#taken.delete(ended));
    this.#taken.add(delivery);
    return delivery;
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw new BrokerError("the broker connection was closed", { code: "broker_closed" });
  }
}

function standing(queue: MemoryQueue): PeekedMessage[] {
  const shown = (entry: Entry, state: PeekedMessage["state"]): PeekedMessage => ({
    key: String(entry.id),
    message: entry.message,
    queue: queue.name,
    state,
    eta: state === "scheduled" && entry.dueMs !== undefined ? new Date(entry.dueMs) : undefined,
    deliveries: entry.deliveries,
    published: new Date(entry.publishedMs),
  });
  const scheduled = [...queue.scheduled].sort((a, b) => (a.dueMs ?? 0) - (b.dueMs ?? 0));
  return [
    ...queue.ready().map((entry) => shown(entry, "ready")),
    ...scheduled.map((entry) => shown(entry, "scheduled")),
    ...[...queue.held].map((entry) => shown(entry, "unacked")),
  ];
}
