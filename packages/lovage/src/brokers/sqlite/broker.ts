import type { Share } from "../../connections/connections.js";
import { type SqliteDatabase, sqliteDatabase } from "../../connections/sqlite.js";
import { BrokerError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import { newId } from "../../util/ids.js";
import type {
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Delivery,
  ExchangeSpec,
  QueueSpec,
  Route,
} from "../broker.js";
import { noSuchQueue } from "../routing-table.js";
import { SqliteBroadcast } from "./broadcast.js";
import { SqliteConsumer } from "./consumer.js";
import { envelopeValues } from "./envelope.js";
import { SqliteInspector } from "./inspector.js";
import { insertMessage, makeReady, schedule, urgencyOf } from "./messages.js";
import { BROKER_MIGRATIONS } from "./schema.js";
import { Topology } from "./topology.js";
import { translated } from "./translate.js";

/** A broker in one SQLite file, for any number of processes of one machine. */
export class SqliteBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly broadcast: SqliteBroadcast;
  readonly queues: SqliteInspector;
  readonly #share: Share<SqliteDatabase>;
  readonly #database: SqliteDatabase;
  readonly #options: BrokerOptions;
  readonly #topology = new Topology();
  readonly #consumers = new Set<SqliteConsumer>();
  #closing: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#share = sqliteDatabase(options.url, options.connections, {
      writeTimeout: options.publishTimeout,
      logger: options.logger,
    });
    this.#database = this.#share.value;
    this.capabilities = {
      priorities: true,
      leases: true,
      durable: true,
      shared: true,
      peek: "clean",
      oldestMessage: true,
      fencing: true,
      deliveryCount: "each",
      etaStep: 0,
      inspection: { held: true, scheduled: true, queues: "all" },
      log: this.#database.path,
    };
    const refuseWhenClosed = (): void => this.#refuseWhenClosed();
    this.broadcast = new SqliteBroadcast(this.#database, options.logger, refuseWhenClosed);
    this.queues = new SqliteInspector(this.#database, this.#topology, options.leaseSeconds, refuseWhenClosed);
  }

  async connect(): Promise<void> {
    await translated(this.#database.open());
    await translated(this.#database.migrate("broker", BROKER_MIGRATIONS));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.cancel()));
    await Promise.all([...this.#consumers].map((consumer) => consumer.giveBack()));
    await this.queues.giveBack();
    await this.broadcast.close();
    await this.#share.release();
  }

  async declare(queue: QueueSpec): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#database.write((sql) => this.#topology.declare(sql, queue)));
  }
  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#database.write((sql) => this.#topology.bind(sql, queue, exchange, routingKey)));
  }
  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#database.write((sql) => this.#topology.unbind(sql, queue, exchange, routingKey)));
  }

  async publish(message: Message, route: Route): Promise<void> {
    this.#refuseWhenClosed();
    const dueMs = route.eta?.getTime();
    // Now, so that what the caller does to its message afterwards does not matter.
    const envelope = envelopeValues(message);
    await translated(
      this.#database.write((sql) => {
        const now = Date.now();
        for (const queue of this.#topology.route(sql, route)) {
          const id = insertMessage(sql, envelope, route, now);
          const urgency = urgencyOf(route.priority, queue);
          if (dueMs !== undefined && dueMs > now) schedule(sql, id, queue.id, urgency, dueMs);
          else makeReady(sql, id, { queueId: queue.id, urgency, position: id, since: now, deliveries: 0, begun: 0 });
        }
      }),
    );
  }

  async consume(
    queues: readonly string[],
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#refuseWhenClosed();
    const known = new Set(await translated(this.#database.query((sql) => this.#topology.queueNames(sql))));
    for (const name of queues) if (!known.has(name)) throw noSuchQueue(name);
    const consumer = new SqliteConsumer({
      database: this.#database,
      topology: this.#topology,
      id: newId(),
      queues,
      options,
      leaseSeconds: this.#options.leaseSeconds,
      onDelivery,
      logger: this.#options.logger,
    });
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  /** Ends as a process that dies: nothing is given back. For the contract suite. */
  async abandon(): Promise<void> {
    this.#closing = Promise.resolve();
    for (const consumer of this.#consumers) consumer.abandon();
    this.broadcast.abandon();
    await this.#share.release();
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw new BrokerError("the broker connection was closed", { code: "broker_closed" });
  }
}
