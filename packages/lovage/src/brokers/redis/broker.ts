import { randomBytes } from "node:crypto";
import type { Share } from "../../connections/connections.js";
import { type RedisServer, redisServer } from "../../connections/redis.js";
import { BrokerConnectionError, BrokerError, ConfigurationError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import { withDeadline } from "../../util/deadline.js";
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
import { RedisBroadcast } from "./broadcast.js";
import { RedisConsumer } from "./consumer.js";
import { RedisHolds } from "./holds.js";
import { Housekeeper } from "./housekeeper.js";
import { RedisInspector } from "./inspector.js";
import { KeyWatch } from "./key-watch.js";
import { parseRedisTransport, REDIS_BROKER_OPTIONS, type RedisTransport } from "./options.js";
import { RedisPublisher } from "./publisher.js";
import { BrokerScripts } from "./scripts.js";
import { RedisTopology } from "./topology.js";
import { translated } from "./translate.js";

/** Seconds that the end of a connection takes at most, when the server does not answer. */
const CLOSE_SECONDS = 5;

/**
 * A broker in Redis (6.2 or newer, not a cluster) in kombu's layout, so that Python workers and clients share its queues. What kombu
 * lacks is added beside it: leases, ETAs, counted deliveries; see scripts/common.ts for the keys.
 */
export class RedisBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly broadcast: RedisBroadcast;
  readonly queues: RedisInspector;
  readonly #options: BrokerOptions;
  readonly #transport: RedisTransport;
  readonly #share: Share<RedisServer>;
  readonly #server: RedisServer;
  readonly #scripts: BrokerScripts;
  readonly #topology: RedisTopology;
  readonly #holds: RedisHolds;
  readonly #publisher: RedisPublisher;
  readonly #watch: KeyWatch;
  readonly #housekeeper: Housekeeper;
  readonly #consumers = new Set<RedisConsumer>();
  /** Keeps the process alive while somebody consumes. */
  #release: (() => void) | undefined;
  #stops: (() => void)[] = [];
  #connecting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    const { logger, leaseSeconds, publishTimeout } = options;
    const { share, driver } = redisServer(options, REDIS_BROKER_OPTIONS);
    this.#share = share;
    const server = share.value;
    this.#server = server;
    const transport = parseRedisTransport(driver, leaseSeconds);
    this.#transport = transport;
    this.capabilities = {
      priorities: true,
      // As many as there are lists that a Python worker reads too.
      priorityLevels: transport.prioritySteps.length,
      leases: true,
      durable: true,
      shared: true,
      peek: "clean",
      oldestMessage: true,
      fencing: true,
      deliveryCount: "each",
      etaStep: 0,
      inspection: { held: true, scheduled: true, queues: "all" },
      log: undefined,
    };
    const scripts = new BrokerScripts(server, transport, publishTimeout);
    this.#scripts = scripts;
    this.#topology = new RedisTopology(server, scripts, transport);
    const connection = randomBytes(8).toString("hex");
    this.#holds = new RedisHolds({ scripts, connection, timeout: publishTimeout, logger });
    this.#publisher = new RedisPublisher({
      scripts,
      connection,
      findQueue: (name) => this.#topology.find(name),
      onScheduled: () => this.#keepHouse(),
    });
    this.#watch = new KeyWatch(server, logger);
    this.#housekeeper = new Housekeeper({
      server,
      scripts,
      transport,
      watch: this.#watch,
      consumers: this.#consumers,
      logger,
    });
    const refuseWhenClosed = (): void => this.#refuseWhenClosed();
    this.queues = new RedisInspector({
      scripts,
      topology: this.#topology,
      holds: this.#holds,
      leaseSeconds,
      refuseWhenClosed,
    });
    this.broadcast = new RedisBroadcast({
      server,
      transport,
      publisher: this.#publisher,
      watch: this.#watch,
      logger,
      refuseWhenClosed,
    });
  }

  connect(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#connecting ??= this.#connect().catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    this.#refuseWhenClosed();
    await translated(this.#server.open());
    await this.#refuseCluster();
    const { commands } = this.#server;
    this.#stops.push(
      commands.onLost(() => this.#publisher.onLost()),
      commands.onReady(() => void this.#resume()),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const consumers = [...this.#consumers];
    await Promise.all(consumers.map((consumer) => consumer.cancel()));
    this.#housekeeper.stop();
    const tooSlow = (): Error => new BrokerConnectionError("Redis did not answer");
    const leaving = (async () => {
      await Promise.all(consumers.map((consumer) => consumer.settled()));
      await this.#holds.giveBack();
      await this.broadcast.close();
    })();
    // What cannot be given back now comes back at the end of its lease.
    if (this.#connecting) await withDeadline(leaving, CLOSE_SECONDS, tooSlow).catch(() => undefined);
    await this.#end();
  }

  async declare(queue: QueueSpec): Promise<void> {
    this.#refuseWhenClosed();
    await this.#topology.declare(queue);
  }
  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    await this.#topology.bind(queue, exchange, routingKey);
  }
  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    this.#refuseWhenClosed();
    await this.#topology.unbind(queue, exchange, routingKey);
  }

  publish(message: Message, route: Route): Promise<void> {
    if (this.#closing) return Promise.reject(closedError());
    return this.#publisher.publish(message, route);
  }

  async consume(
    queues: readonly string[],
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    this.#refuseWhenClosed();
    await this.#topology.checkQueues(queues);
    await translated(this.#watch.start());
    this.#refuseWhenClosed();
    const consumer = new RedisConsumer({
      scripts: this.#scripts,
      transport: this.#transport,
      holds: this.#holds,
      watch: this.#watch,
      id: newId(),
      queues,
      options,
      leaseSeconds: this.#options.leaseSeconds,
      onDelivery,
      onCancel: (cancelled) => this.#forget(cancelled),
      logger: this.#options.logger,
    });
    this.#release ??= this.#server.commands.hold();
    this.#consumers.add(consumer);
    await this.#housekeeper.announce(consumer);
    this.#housekeeper.start();
    consumer.wake();
    return consumer;
  }

  /** Ends as a process that dies: nothing is given back. For the contract suite. */
  async abandon(): Promise<void> {
    this.#closing = Promise.resolve();
    for (const consumer of this.#consumers) consumer.abandon();
    this.#holds.abandon();
    this.#housekeeper.stop();
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#holds.stop();
    this.#watch.stop();
    for (const stop of this.#stops.splice(0)) stop();
    this.#release?.();
    this.#release = undefined;
    await this.#share.release();
  }

  #forget(consumer: RedisConsumer): void {
    this.#consumers.delete(consumer);
    void this.#housekeeper.farewell(consumer);
    if (this.#consumers.size > 0) return;
    this.#release?.();
    this.#release = undefined;
  }

  /** Messages wait for their ETA even where only Python workers consume: whoever sent them moves them, as long as it lives. */
  #keepHouse(): void {
    if (this.#closing) return;
    this.#housekeeper.start();
  }

  /** The connection is there again. */
  async #resume(): Promise<void> {
    try {
      if (this.#consumers.size > 0 || !this.#holds.isEmpty) await this.#holds.reconcile();
    } catch (error) {
      // Comes back at the end of its lease.
      this.#options.logger.warn("could not give back what was cut off", { error: String(error) });
    }
    for (const consumer of this.#consumers) consumer.wake();
    if (this.#consumers.size > 0) this.#housekeeper.wake();
  }

  async #refuseCluster(): Promise<void> {
    // A user without the right to ask is taken at its word.
    const info = await this.#server.call("info", ["cluster"]).catch(() => "");
    if (!/^cluster_enabled:1/m.test(String(info))) return;
    throw new ConfigurationError(
      `Redis ${this.#server.shown} is a cluster, which Celery's layout does not fit: use a single server, or one with replicas and sentinels`,
      {
        code: "redis_cluster",
      },
    );
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw closedError();
  }
}

function closedError(): BrokerError {
  return new BrokerError("the broker connection was closed", { code: "broker_closed" });
}
