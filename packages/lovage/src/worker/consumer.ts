import type { Broker, Consumer as BrokerConsumer, Delivery, QueueSpec } from "../brokers/broker.js";
import type { Service } from "../util/service.js";

export interface TaskConsumerOptions {
  readonly broker: Broker;
  readonly declare: (queue: QueueSpec) => Promise<void>;
  readonly queues: readonly QueueSpec[];
  /** Most deliveries held at a time; 0 for no limit. */
  readonly prefetch: number;
  /** The worker's node name. */
  readonly name: string;
  readonly onDelivery: (delivery: Delivery) => void;
}

/** Takes deliveries of this worker's queues, as many as it may hold. Queues come and go while it runs. */
export class TaskConsumer implements Service {
  readonly #options: TaskConsumerOptions;
  readonly #queues = new Map<string, QueueSpec>();
  #prefetch: number;
  #consumer: BrokerConsumer | undefined;
  #running = false;
  /** Changes happen one after the other: each leaves exactly one consumer, or none. */
  #changes: Promise<void> = Promise.resolve();

  constructor(options: TaskConsumerOptions) {
    this.#options = options;
    this.#prefetch = options.prefetch;
    for (const queue of options.queues) this.#queues.set(queue.name, queue);
  }

  async start(): Promise<void> {
    this.#running = true;
    await this.#change(() => this.#consumeAnew());
  }

  /** No further deliveries; what is held stays held. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#change(() => this.#cancel());
  }

  get queues(): readonly QueueSpec[] {
    return [...this.#queues.values()];
  }
  get prefetch(): number {
    return this.#prefetch;
  }

  /** Why nothing is taken from the queues now; undefined while they are consumed. */
  get trouble(): string | undefined {
    if (!this.#running) return "queues are not consumed";
    if (this.#queues.size === 0) return "it has no queue to consume: all were cancelled by remote control";
    return this.#consumer ? this.#consumer.trouble : "its queues are not consumed yet";
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    await this.#consumer?.setPrefetch(count);
  }

  async add(queue: QueueSpec): Promise<void> {
    if (this.#queues.has(queue.name)) return;
    // First of all: a queue that cannot be declared must not keep the others from being consumed.
    await this.#options.declare(queue);
    this.#queues.set(queue.name, queue);
    await this.#change(() => this.#consumeAnew());
  }

  /** Returns whether the queue was consumed. */
  async remove(name: string): Promise<boolean> {
    if (!this.#queues.delete(name)) return false;
    await this.#change(() => this.#consumeAnew());
    return true;
  }

  #change(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  async #consumeAnew(): Promise<void> {
    await this.#cancel();
    if (!this.#running || this.#queues.size === 0) return;
    const { broker, declare, name, onDelivery } = this.#options;
    for (const queue of this.#queues.values()) await declare(queue);
    this.#consumer = await broker.consume([...this.#queues.keys()], { prefetch: this.#prefetch, name }, onDelivery);
  }

  async #cancel(): Promise<void> {
    await this.#consumer?.cancel();
    this.#consumer = undefined;
  }
}
