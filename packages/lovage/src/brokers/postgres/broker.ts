import type { Share } from "../../connections/connections.js";
import { type PostgresDatabase, postgresDatabase, type WriteKind } from "../../connections/postgres.js";
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
  TransactionQuery,
} from "../broker.js";
import { noSuchQueue, unroutable } from "../routing-table.js";
import { PostgresBroadcast } from "./broadcast.js";
import { PostgresConsumer } from "./consumer.js";
import { type Envelope, envelopeOf, refuseNul } from "./envelope.js";
import { PostgresInspector } from "./inspector.js";
import { type MessageKinds, messageKinds } from "./message-kinds.js";
import { PublishIn } from "./publish-in.js";
import { type Publication, type Published, publishKind } from "./publish-kind.js";
import { Topology } from "./topology.js";
import { translated } from "./translate.js";
import { Upkeep } from "./upkeep.js";
import { READY_TOPIC, readWakeUp, WakeUps } from "./wake-ups.js";

/** ETAs nearer than this many seconds are told to consumers at once; those further away are found by their regular looks. */
const SOON_SECONDS = 3;
/** Times a message is routed anew because the topology changed under it. */
const ROUTINGS = 5;

/**
 * A broker in one schema of a PostgreSQL database, for any number of processes. A publish is a row before it settles, a claim moves
 * rows by SKIP LOCKED, and what happens in one moment shares a commit, with the results that are stored in the same schema.
 */
export class PostgresBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly broadcast: PostgresBroadcast;
  readonly queues: PostgresInspector;
  readonly #share: Share<PostgresDatabase>;
  readonly #database: PostgresDatabase;
  readonly #options: BrokerOptions;
  readonly #topology: Topology;
  readonly #kinds: MessageKinds;
  readonly #publishes: WriteKind<Publication, Published>;
  readonly #publishIn: PublishIn;
  readonly #upkeep: Upkeep;
  readonly #wakeUps: WakeUps;
  readonly #consumers = new Set<PostgresConsumer>();
  #stopListening: Promise<() => void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    const { url, transport, connections, logger, leaseSeconds, publishTimeout } = options;
    this.#options = options;
    this.#share = postgresDatabase({ url, transport, connections, logger, writeTimeout: publishTimeout }).share;
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
      log: this.#database.log,
    };
    const database = this.#database;
    const id = newId();
    const refuseWhenClosed = (): void => this.#refuseWhenClosed();
    const onRequeued = (queue: string): void => this.#wakeBack(queue);
    this.#topology = new Topology(database);
    this.#kinds = messageKinds(database.schema);
    this.#publishes = publishKind(database.schema, id);
    this.#publishIn = new PublishIn(database);
    this.#wakeUps = new WakeUps(database, id, logger);
    const onReady = (queueIds: readonly number[]): void => this.#wake(queueIds, { back: true });
    this.#upkeep = new Upkeep({ database, topology: this.#topology, leaseSeconds, process: id, onReady, logger });
    this.broadcast = new PostgresBroadcast(database, logger, refuseWhenClosed);
    this.queues = new PostgresInspector({
      database,
      kinds: this.#kinds,
      topology: this.#topology,
      leaseSeconds,
      holder: id,
      onRequeued,
      refuseWhenClosed,
    });
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    await translated(this.#database.open());
    signal?.throwIfAborted();
    await translated(this.#topology.refresh());
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
    this.#upkeep.stop();
    await this.#unlisten();
    await this.#share.release();
  }

  async declare(queue: QueueSpec): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#topology.declare(queue));
  }
  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#topology.bind(queue, exchange, routingKey));
  }
  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#topology.unbind(queue, exchange, routingKey));
  }

  async publish(message: Message, route: Route): Promise<void> {
    this.#refuseWhenClosed();
    refuseNul("exchange", route.exchange);
    refuseNul("routing key", route.routingKey);
    const envelope = envelopeOf(message);
    for (let turn = 0; turn < ROUTINGS; turn++) {
      const publication = this.#route(envelope, route) ?? (await this.#routeAnew(envelope, route));
      if (!publication) return;
      const published = await translated(this.#database.write(this.#publishes, publication));
      if (published === "kept") return this.#tellPublished(publication);
      await translated(this.#topology.refresh());
    }
    throw new BrokerError("queues and bindings change faster than a message can be routed", { code: "broker" });
  }

  async publishIn(query: TransactionQuery, message: Message, route: Route): Promise<void> {
    this.#refuseWhenClosed();
    refuseNul("exchange", route.exchange);
    refuseNul("routing key", route.routingKey);
    await this.#publishIn.publish(query, message, route);
  }

  /** By what is known here; undefined when that leads to no queue. */
  #route(envelope: Envelope, route: Route): Publication | undefined {
    const queues = this.#topology.route(route);
    return queues.length > 0 ? { envelope, route, queues, stamp: this.#topology.stamp } : undefined;
  }

  /** The queue may be new. Undefined when there is none and need not be. */
  async #routeAnew(envelope: Envelope, route: Route): Promise<Publication | undefined> {
    await translated(this.#topology.refresh());
    const publication = this.#route(envelope, route);
    if (!publication && route.mandatory !== false) throw unroutable(route);
    return publication;
  }

  #tellPublished({ route, queues }: Publication): void {
    const aheadMs = route.eta ? route.eta.getTime() - Date.now() : 0;
    if (aheadMs > SOON_SECONDS * 1000) return;
    const ids = queues.map(({ id }) => id);
    if (aheadMs > 0) {
      this.#upkeep.look();
      this.#wakeUps.tell(ids, false);
    } else {
      this.#wake(ids);
    }
  }

  /** Something is ready in these queues; `back`: again. */
  #wake(queueIds: readonly number[], { back = false }: { back?: boolean } = {}): void {
    this.#wakeOwn(queueIds, back);
    this.#wakeUps.tell(queueIds, back);
  }
  #wakeBack(queue: string): void {
    const ids = this.#topology.rows([queue]).map(({ id }) => id);
    this.#wake(ids, { back: true });
  }
  #wakeOwn(queueIds: readonly number[], back: boolean): void {
    for (const consumer of this.#consumers)
      if (consumer.queues.some(({ id }) => queueIds.includes(id))) consumer.wake({ back });
  }

  async consume(
    queues: readonly string[],
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#refuseWhenClosed();
    await translated(this.#topology.refresh());
    for (const name of queues) if (!this.#topology.queue(name)) throw noSuchQueue(name);
    const consumer = new PostgresConsumer({
      database: this.#database,
      kinds: this.#kinds,
      topology: this.#topology,
      queues,
      options,
      leaseSeconds: this.#options.leaseSeconds,
      onDelivery,
      enter: (each) => this.#upkeep.add(each),
      announce: (each) => this.#upkeep.announce(each),
      withdraw: (each) => this.#withdraw(each),
      onRequeued: (queue) => this.#wakeBack(queue),
      onClaimed: (count) => this.#upkeep.noteClaimed(count),
      logger: this.#options.logger,
    });
    this.#consumers.add(consumer);
    try {
      await this.#listen();
      await translated(consumer.start());
    } catch (error) {
      await consumer.cancel();
      this.#consumers.delete(consumer);
      throw error;
    }
    return consumer;
  }

  async #withdraw(consumer: PostgresConsumer): Promise<void> {
    this.#upkeep.remove(consumer);
    const active = [...this.#consumers].some(({ isCancelled }) => !isCancelled);
    if (!active) await this.#unlisten();
    await this.#upkeep.withdraw(consumer);
  }

  /** From the first consumer on; it keeps the process alive. */
  async #listen(): Promise<void> {
    this.#stopListening ??= this.#database.listen(READY_TOPIC, {
      onNotice: (payload) => {
        const { queueId, back } = readWakeUp(payload);
        this.#wakeOwn([queueId], back);
        // It may also tell of an ETA.
        this.#upkeep.look();
      },
      onLook: () => {
        for (const consumer of this.#consumers) consumer.wake();
        this.#upkeep.look();
      },
    });
    await this.#stopListening;
  }

  async #unlisten(): Promise<void> {
    const stop = await this.#stopListening;
    this.#stopListening = undefined;
    stop?.();
  }

  /** Ends as a process that dies: nothing is given back. For the contract suite. */
  async abandon(): Promise<void> {
    this.#closing = Promise.resolve();
    for (const consumer of this.#consumers) consumer.abandon();
    this.broadcast.abandon();
    this.#upkeep.stop();
    await this.#unlisten();
    await this.#share.release();
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw new BrokerError("the broker connection was closed", { code: "broker_closed" });
  }
}
