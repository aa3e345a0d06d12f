import type { QueueSpec, Route } from "../brokers/broker.js";
import { Connections } from "../connections/connections.js";
import { BrokerConnectionError, ConfigurationError, LovageError } from "../errors.js";
import type { Message } from "../protocol/message.js";
import { backoffDelay } from "../util/backoff.js";
import { type Clock, sleep } from "../util/clock.js";
import type { Logger } from "../util/logger.js";
import type { Service } from "../util/service.js";
import { Outbox, type OutboxEntry, type OutboxRow, type TakeOutcome } from "./outbox.js";

/** What a relay needs of the broker. */
export interface RelayGateway {
  declare(queue: QueueSpec): Promise<void>;
  relay(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void>;
}

export interface OutboxRelayOptions {
  /** `outboxUrl`. */
  readonly url: string;
  readonly gateway: RelayGateway;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Entries published at a time: as many are sent twice when this process dies in between. */
const BATCH = 100;
const BACKOFF = { initial: 0.2, max: 5 };

/**
 * Publishes what was sent inside transactions, in order, at least once. Any number of relays may run: one has its turn at a time, and the
 * turn ends with its transaction, so that the next one takes over when it dies.
 *
 * An entry is removed after the broker has confirmed it. Entries are published in order without waiting for each other; when the
 * connection breaks, those from the first unconfirmed one on are published again. An entry that the broker refuses for good (nothing is
 * bound to its exchange) stays in the outbox with its error, is logged, and holds up nobody.
 */
export class OutboxRelay implements Service {
  readonly #options: OutboxRelayOptions;
  readonly #connections = new Connections();
  #outbox: Outbox | undefined;
  #stopListening: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #lookAgain = false;
  #stopping = new AbortController();
  #away = false;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  /** Rejects only for what another try does not mend: a database that is away is waited for. */
  async start(): Promise<void> {
    if (this.#outbox) return;
    const { url, logger } = this.#options;
    this.#stopping = new AbortController();
    const outbox = new Outbox({ url, transport: {}, connections: this.#connections, logger });
    this.#outbox = outbox;
    try {
      await outbox.open();
    } catch (error) {
      if (error instanceof ConfigurationError) {
        await this.stop();
        throw error;
      }
      this.#noteFailure(error);
    }
    const stop = await outbox.listen({ onNotice: () => this.#wake(), onLook: () => this.#wake() });
    if (this.#outbox !== outbox) {
      stop();
      return;
    }
    this.#stopListening = stop;
    this.#wake();
  }

  async stop(): Promise<void> {
    const outbox = this.#outbox;
    this.#outbox = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#stopping.abort();
    await this.#running;
    await outbox?.close();
  }

  #wake(): void {
    this.#lookAgain = true;
    if (!this.#outbox || this.#running) return;
    this.#running = this.#run(this.#outbox).finally(() => {
      this.#running = undefined;
    });
  }

  /** Until there is nothing left to do, or somebody else does it. Never rejects. */
  async #run(outbox: Outbox): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      this.#lookAgain = false;
      try {
        const more = await this.#takeTurn(outbox);
        this.#noteSuccess();
        failures = 0;
        if (!more && !this.#lookAgain) return;
      } catch (error) {
        this.#noteFailure(error);
        await sleep(backoffDelay(BACKOFF, failures++), signal).catch(() => undefined);
      }
    }
  }

  /** Whether there may be more. */
  async #takeTurn(outbox: Outbox): Promise<boolean> {
    const outcome = await outbox.take(BATCH, (rows) => this.#publish(rows));
    if (outcome?.failure !== undefined) throw outcome.failure;
    return outcome?.taken === BATCH;
  }

  async #publish(rows: readonly OutboxRow[]): Promise<TakeOutcome> {
    const undeclared = await this.#declareAll(rows);
    const publishing = rows.map(({ entry }) => this.#publishOne(entry, undeclared));
    const done: string[] = [];
    const failed: { id: string; error: string }[] = [];
    for (const [index, settled] of (await Promise.allSettled(publishing)).entries()) {
      const id = rows[index]?.id;
      if (id === undefined) continue;
      if (settled.status === "fulfilled") done.push(id);
      else if (isForGood(settled.reason)) failed.push(this.#giveUp(id, rows[index]?.entry, settled.reason));
      // From here on all are published again, so that they arrive in order.
      else return { done, failed, failure: settled.reason };
    }
    return { done, failed };
  }

  /** Before the first of them is published, so that nothing is between them. Returns the queues that cannot be declared, with the reasons. */
  async #declareAll(rows: readonly OutboxRow[]): Promise<ReadonlyMap<string, unknown>> {
    const undeclared = new Map<string, unknown>();
    const queues = new Map<string, QueueSpec>();
    for (const { entry } of rows)
      if (!(entry instanceof Error) && entry.queue) queues.set(entry.queue.name, entry.queue);
    for (const queue of queues.values()) {
      try {
        await this.#options.gateway.declare(queue);
      } catch (error) {
        undeclared.set(queue.name, error);
      }
    }
    return undeclared;
  }

  async #publishOne(entry: OutboxEntry | Error, undeclared: ReadonlyMap<string, unknown>): Promise<void> {
    if (entry instanceof Error) throw entry;
    const { message, route, queue } = entry;
    if (queue && undeclared.has(queue.name)) throw undeclared.get(queue.name);
    await this.#options.gateway.relay(message, route, queue);
  }

  #giveUp(id: string, entry: OutboxEntry | Error | undefined, error: unknown): { id: string; error: string } {
    const task = entry && !(entry instanceof Error) ? entry.message.headers.id : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.error("a task in the outbox cannot be sent: it stays there", {
      outboxId: id,
      task,
      error: reason,
    });
    return { id, error: reason };
  }

  #noteFailure(error: unknown): void {
    if (!this.#away) this.#options.logger.warn("could not relay the outbox: trying again", { error: String(error) });
    this.#away = true;
  }
  #noteSuccess(): void {
    if (this.#away) this.#options.logger.info("relays the outbox again");
    this.#away = false;
  }
}

/** Whether the broker, or the entry itself, is why it can never be published. What is unknown may pass. */
function isForGood(error: unknown): boolean {
  return (
    error instanceof LovageError && !(error instanceof BrokerConnectionError) && !(error instanceof ConfigurationError)
  );
}
