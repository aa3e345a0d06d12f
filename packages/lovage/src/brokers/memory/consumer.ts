import { LeaseLostError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Logger } from "../../util/logger.js";
import type { Consumer, Delivery } from "../broker.js";
import type { Entry, MemoryQueue } from "./queue.js";
import type { MemoryStore } from "./store.js";

/** Takes messages as soon as it may hold more, a turn of the event loop after they are there. */
export class MemoryConsumer implements Consumer {
  readonly #store: MemoryStore;
  readonly #queues: readonly MemoryQueue[];
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #logger: Logger;
  #prefetch: number;
  readonly #held = new Set<MemoryDelivery>();
  readonly #stopListening: () => void;
  readonly #alive: NodeJS.Timeout;
  #pumpQueued = false;
  #cancelled = false;
  #nextQueue = 0;

  constructor(
    store: MemoryStore,
    queues: readonly MemoryQueue[],
    prefetch: number,
    onDelivery: (delivery: Delivery) => void,
    logger: Logger,
  ) {
    this.#store = store;
    this.#queues = queues;
    this.#prefetch = prefetch;
    this.#onDelivery = onDelivery;
    this.#logger = logger;
    for (const queue of queues) queue.consumers++;
    // Keeps the process alive, as a connection would.
    this.#alive = setInterval(() => undefined, 2 ** 31 - 1);
    this.#stopListening = store.onChange(() => this.#pumpSoon());
    this.#pumpSoon();
  }

  get trouble(): string | undefined {
    return this.#cancelled ? "its consumer was cancelled" : undefined;
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    this.#pumpSoon();
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#stopListening();
    clearInterval(this.#alive);
    for (const queue of this.#queues) queue.consumers--;
  }

  async giveBack(): Promise<void> {
    // One whose queue was deleted meanwhile has nowhere to go.
    await Promise.allSettled([...this.#held].map((delivery) => delivery.reject({ requeue: true })));
  }

  #pumpSoon(): void {
    if (this.#pumpQueued || this.#cancelled) return;
    this.#pumpQueued = true;
    setImmediate(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#cancelled && (this.#prefetch === 0 || this.#held.size < this.#prefetch)) {
      const found = this.#take();
      if (!found) return;
      const delivery = new MemoryDelivery(this.#store, found.queue, found.entry, (ended) => {
        this.#held.delete(ended);
        this.#pumpSoon();
      });
      this.#held.add(delivery);
      try {
        this.#onDelivery(delivery);
      } catch (error) {
        this.#logger.error("a delivery's receiver threw", { queue: found.queue.name, error: String(error) });
      }
    }
  }

  /** The queues in turn, so that a full one does not starve the others. */
  #take(): { queue: MemoryQueue; entry: Entry } | undefined {
    for (let turn = 0; turn < this.#queues.length; turn++) {
      const queue = this.#queues[this.#nextQueue++ % this.#queues.length];
      const entry = queue?.takeFirst();
      if (queue && entry) return { queue, entry };
    }
    return undefined;
  }
}

export class MemoryDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveries: number;
  readonly token: number;
  readonly #store: MemoryStore;
  readonly #queue: MemoryQueue;
  readonly #entry: Entry;
  readonly #onEnd: (delivery: MemoryDelivery) => void;

  constructor(store: MemoryStore, queue: MemoryQueue, entry: Entry, onEnd: (delivery: MemoryDelivery) => void) {
    this.#store = store;
    this.#queue = queue;
    this.#entry = entry;
    this.#onEnd = onEnd;
    entry.deliveries++;
    queue.held.add(entry);
    this.message = entry.message;
    this.queue = queue.name;
    this.exchange = entry.exchange;
    this.routingKey = entry.routingKey;
    this.deliveries = entry.deliveries;
    this.token = store.nextToken();
  }

  async ack(): Promise<void> {
    this.#end();
  }

  async reject({ requeue }: { requeue: boolean }): Promise<void> {
    this.#end();
    if (!requeue) return;
    this.#queue.makeReady(this.#entry);
    this.#store.wakeConsumers();
  }

  /** Holding needs no lease here, only that the message is still held. */
  async extend(): Promise<void> {
    this.#mustBeHeld();
  }

  async begin(): Promise<number> {
    this.#mustBeHeld();
    return ++this.#entry.begun;
  }

  #end(): void {
    this.#mustBeHeld();
    this.#queue.held.delete(this.#entry);
    this.#onEnd(this);
  }

  #mustBeHeld(): void {
    if (this.#queue.held.has(this.#entry) && this.#entry.deliveries === this.deliveries) return;
    throw new LeaseLostError(`message ${this.#entry.id} of queue ${this.queue} is not held by this consumer any more`);
  }
}
