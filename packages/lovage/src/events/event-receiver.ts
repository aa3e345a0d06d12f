import type { Broadcast, Subscription } from "../brokers/broker.js";
import { decodeEvents, type LamportClock, type ReceivedEvent } from "../protocol/events.js";
import type { Message } from "../protocol/message.js";
import { type Logger, silentLogger } from "../util/logger.js";
import type { Service } from "../util/service.js";

/** Events an iterator keeps for a reader that is slow; past it the oldest are dropped. */
const BACKLOG = 10_000;

export interface EventReceiverOptions {
  readonly broadcast: Broadcast;
  /** Which events, an AMQP topic pattern over routing keys: `worker.#`, `task.multi`. Batches of task events come under `task.multi`. @default "#" */
  readonly pattern?: string;
  /** Kept in step with the senders' clocks. */
  readonly lamport?: LamportClock;
  readonly logger?: Logger;
  /** Called for each event, in the order each sender sent them. What it throws is logged. */
  readonly onEvent: (event: ReceivedEvent) => void;
}

/** Hears the events of workers and clients, ours and Celery's. Whatever arrives that is no event is logged and passed over. */
export class EventReceiver implements Service {
  readonly #options: EventReceiverOptions;
  readonly #logger: Logger;
  #starting: Promise<void> | undefined;
  #stopped = false;
  #subscription: Subscription | undefined;

  constructor(options: EventReceiverOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  /** Resolves once events that are sent from now on will arrive. */
  start(): Promise<void> {
    this.#starting ??= this.#subscribe();
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#starting?.catch(() => undefined);
    await this.#subscription?.cancel();
    this.#subscription = undefined;
  }

  async #subscribe(): Promise<void> {
    if (this.#stopped) return;
    const { broadcast, pattern = "#" } = this.#options;
    this.#subscription = await broadcast.subscribe("events", pattern, (message) => this.#receive(message));
  }

  #receive(message: Message): void {
    if (this.#stopped) return;
    for (const event of this.#decode(message)) {
      // Clients do not keep their clocks in step: theirs come as -1. Source: celery-protocol 8.5.
      if (event.clock >= 0) this.#options.lamport?.adjust(event.clock);
      try {
        this.#options.onEvent(event);
      } catch (error) {
        this.#logger.error("an event handler failed", { type: event.type, error: String(error) });
      }
    }
  }

  #decode(message: Message): readonly ReceivedEvent[] {
    try {
      return decodeEvents(message);
    } catch (error) {
      this.#logger.warn("passed over what is no event", {
        error: error instanceof Error ? error.message : String(error),
      });
      return [];
    }
  }
}

/** The same as an iteration: `for await (const event of receiveEvents({ broadcast, signal }))` ends when the signal aborts. */
export async function* receiveEvents(
  options: Omit<EventReceiverOptions, "onEvent"> & { readonly signal?: AbortSignal },
): AsyncGenerator<ReceivedEvent, void, undefined> {
  const { signal } = options;
  const waiting: ReceivedEvent[] = [];
  let wake: () => void = () => undefined;
  const onEvent = (event: ReceivedEvent): void => {
    if (waiting.length >= BACKLOG) waiting.shift();
    waiting.push(event);
    wake();
  };
  const onAbort = (): void => wake();
  signal?.addEventListener("abort", onAbort);
  const receiver = new EventReceiver({ ...options, onEvent });
  try {
    await receiver.start();
    while (!signal?.aborted) {
      const event = waiting.shift();
      if (event) {
        yield event;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await receiver.stop();
  }
}
