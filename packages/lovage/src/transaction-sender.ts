import type { Broker, TransactionQuery } from "./brokers/broker.js";
import { openBroker } from "./brokers/open-broker.js";
import { Connections } from "./connections/connections.js";
import { ConfigurationError } from "./errors.js";
import type { Gateway } from "./gateway.js";
import type { Outbox, OutboxEntry } from "./outbox/outbox.js";
import { type TransactionClient, transactionQuery } from "./outbox/transaction-client.js";
import { transactionTarget } from "./outbox/transaction-target.js";
import type { Settings } from "./settings.js";
import type { Logger } from "./util/logger.js";

/**
 * Sends messages through other people's clients, inside their transactions: to the broker, where it is that database, else to the
 * outbox. Opens no connection: inside a pool's process there is none of ours.
 */
export class TransactionSender {
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #connections = new Connections();
  #opened: Promise<Broker | Outbox> | undefined;
  /** By client, the database it was found to be connected to. */
  readonly #checked = new WeakMap<TransactionClient, string>();

  constructor(settings: Settings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
  }

  /** @param gateway makes ready what needs a connection of ours */
  async send(client: TransactionClient, entry: OutboxEntry, gateway: Gateway): Promise<void> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    const opened = await this.#opened;
    const { databaseId, replyTo } = await gateway.prepareTransaction(entry.queue);
    const query = transactionQuery(client);
    if (this.#checked.get(client) !== databaseId) {
      await this.#check(query, databaseId);
      this.#checked.set(client, databaseId);
    }
    const { properties } = entry.message;
    const message =
      replyTo === null || properties.reply_to
        ? entry.message
        : { ...entry.message, properties: { ...properties, reply_to: replyTo } };
    if ("put" in opened) await opened.put(query, { ...entry, message });
    else await opened.publishIn?.(query, message, entry.route);
  }

  async close(): Promise<void> {
    await (await this.#opened?.catch(() => undefined))?.close();
  }

  /** Neither is connected: what they are needed for runs through others' clients. */
  async #open(): Promise<Broker | Outbox> {
    const { kind, url, transport } = transactionTarget(this.#settings);
    const connections = this.#connections;
    const logger = this.#logger;
    if (kind === "outbox") {
      const { Outbox } = await import("./outbox/outbox.js");
      return new Outbox({ url, transport, connections, logger });
    }
    const { brokerLeaseSeconds: leaseSeconds, publishTimeout } = this.#settings;
    const broker = await openBroker({ url, transport, leaseSeconds, publishTimeout, connections, logger });
    if (broker.publishIn) return broker;
    await broker.close();
    throw new ConfigurationError(
      "tasks cannot be sent inside a transaction: the broker is no PostgreSQL database, and outboxUrl names none to keep an outbox in",
      { code: "no_outbox" },
    );
  }

  /** Throws unless the client is connected to the database whose tables the task goes to. */
  async #check(query: TransactionQuery, databaseId: string): Promise<void> {
    const { readIdThrough } = await import("./outbox/database-id.js");
    const found = await readIdThrough(query, transactionTarget(this.#settings));
    if (found === databaseId) return;
    const { kind } = transactionTarget(this.#settings);
    throw new ConfigurationError(
      `the client that was given to app.in() is connected to another database than ${kind === "broker" ? "the broker's: set outboxUrl to the one its transactions are in" : "outboxUrl names"}`,
      { code: "other_database" },
    );
  }
}
