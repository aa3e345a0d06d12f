import type { Broadcast } from "./brokers/broker.js";
import {
  type EventFields,
  encodeEvents,
  eventRoutingKey,
  type LamportClock,
  MULTI_ROUTING_KEY,
  type StampedEvent,
  stampEvent,
} from "./protocol/events.js";
import type { Clock } from "./util/clock.js";
import type { Logger } from "./util/logger.js";

/** Events in one message at most; the reference sends up to 24, receivers take any number. */
const BATCH = 100;
/** Events kept while the broker is slow or away; past it the oldest are dropped: monitors must never hold up work. */
const BACKLOG = 10_000;

export interface EventSenderOptions {
  readonly broadcast: Broadcast;
  /** The sender's node name. */
  readonly hostname: string;
  readonly lamport: LamportClock;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether task events are sent from the start (`-E`). */
  readonly taskEvents: boolean;
  /** Seconds that task events wait for others to share a message with. @default 0: those of one turn of the event loop share one */
  readonly patience?: number;
}

/** Publishes events, task events in batches: one message for all that happened in a turn of the event loop. Never throws, never waits. */
export class EventSender {
  readonly #options: EventSenderOptions;
  #taskEvents: boolean;
  #backlog: StampedEvent[] = [];
  #dropped = 0;
  #flushing: Promise<void> | undefined;
  /** Ends the wait for company. */
  #hurry: (() => void) | undefined;

  constructor(options: EventSenderOptions) {
    this.#options = options;
    this.#taskEvents = options.taskEvents;
  }

  get sendsTaskEvents(): boolean {
    return this.#taskEvents;
  }
  /** Returns whether that changed anything. */
  setTaskEvents(on: boolean): boolean {
    const changed = this.#taskEvents !== on;
    this.#taskEvents = on;
    return changed;
  }

  /** Sends a task event with the others of this turn. `hostname`: in another sender's name. */
  send(event: EventFields, hostname = this.#options.hostname): void {
    if (this.#backlog.length >= BACKLOG) {
      this.#backlog.shift();
      this.#dropped++;
    }
    this.#backlog.push(this.#stamp(event, hostname));
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
      // What came between the last look at the backlog and this line: nobody else would send it.
      if (this.#backlog.length > 0) this.#flushSoon();
    });
  }

  /** Sends a worker event at once and by itself, as Celery does. */
  async sendNow(event: EventFields): Promise<void> {
    await this.#publish(eventRoutingKey(event.type), [this.#stamp(event)]);
  }

  /** Resolves when what was sent so far is with the broker, or dropped. Nothing waits for company any more meanwhile. */
  async settled(): Promise<void> {
    this.#hurry?.();
    while (this.#flushing) await this.#flushing;
  }

  #stamp(event: EventFields, hostname = this.#options.hostname): StampedEvent {
    const { lamport, clock } = this.#options;
    return stampEvent(event, { hostname, pid: process.pid, clock: lamport.forward(), now: clock.now() });
  }

  async #flush(): Promise<void> {
    await this.#waitForCompany();
    while (this.#backlog.length > 0) {
      const batch = this.#backlog.splice(0, BATCH);
      await this.#publish(MULTI_ROUTING_KEY, batch);
    }
    if (this.#dropped > 0) {
      this.#options.logger.warn(`dropped ${this.#dropped} events: the broker takes them too slowly`);
      this.#dropped = 0;
    }
  }

  async #waitForCompany(): Promise<void> {
    const { patience = 0 } = this.#options;
    await new Promise<void>((resolve) => {
      if (patience === 0) return void setImmediate(resolve);
      const timer = setTimeout(resolve, patience * 1000);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  async #publish(routingKey: string, events: readonly StampedEvent[]): Promise<void> {
    const { broadcast, hostname, logger } = this.#options;
    try {
      await broadcast.publish("events", routingKey, encodeEvents(events, hostname));
    } catch (error) {
      logger.warn("could not send events", { count: events.length, error: String(error) });
    }
  }
}
