import { type AmqpConnection, closedError, shareAmqp } from "../../connections/amqp.js";
import { REPLY_CODES, replyCode } from "../../connections/amqp-client.js";
import { encodeEnvelope } from "../../connections/amqp-envelope.js";
import { readAmqpOptions } from "../../connections/amqp-options.js";
import { AmqpPublisher } from "../../connections/amqp-publisher.js";
import { AmqpRequests } from "../../connections/amqp-requests.js";
import type { Share } from "../../connections/connections.js";
import { RabbitManagement } from "../../connections/rabbit-management.js";
import { BrokerError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type {
  Broadcast,
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Delivery,
  ExchangeSpec,
  QueueInspector,
  QueueSpec,
  Route,
} from "../broker.js";
import { unroutable } from "../routing-table.js";
import { BegunCounts } from "./begun.js";
import { AmqpBroadcast } from "./broadcast.js";
import { AmqpConsumer } from "./consumer.js";
import { DelayedDelivery, delayedRoute, delaySeconds } from "./delayed.js";
import { AmqpInspector } from "./inspector.js";
import { AmqpTopology, explained } from "./topology.js";

const CAPABILITIES: BrokerCapabilities = {
  priorities: true,
  leases: false,
  durable: true,
  shared: true,
  peek: "disturbs",
  oldestMessage: false,
  fencing: false,
  deliveryCount: "repeated",
  etaStep: 1,
  inspection: { held: false, scheduled: false, queues: "declared" },
  log: undefined,
};
/** With the management API. What waits for its ETA is in queues of all, and cannot be told by either. */
const MANAGED: BrokerCapabilities["inspection"] = { held: true, scheduled: false, queues: "all" };

/** What there is while the broker is connected. */
interface Parts {
  readonly shares: readonly Share<AmqpConnection>[];
  readonly publishing: AmqpConnection;
  readonly consuming: AmqpConnection;
  readonly requests: AmqpRequests;
  readonly topology: AmqpTopology;
  readonly delayed: DelayedDelivery;
  readonly publisher: AmqpPublisher;
  readonly begun: BegunCounts;
  readonly broadcast: AmqpBroadcast;
  readonly inspector: AmqpInspector;
}

/**
 * Queues on RabbitMQ, declared and used as Celery's: clients and workers of both share them (celery-protocol 3).
 *
 * What AMQP cannot do: count a message's deliveries (only tell that there were some), number them in order (no fencing tokens), say
 * how many messages are held or wait for their ETA, or look at messages without taking them.
 */
export class AmqpBroker implements Broker {
  readonly capabilities: BrokerCapabilities;
  readonly broadcast: Broadcast;
  readonly queues: QueueInspector;
  readonly #options: BrokerOptions;
  readonly #consumers = new Set<AmqpConsumer>();
  #parts: Parts | undefined;
  #connecting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Throws a `ConfigurationError` for a URL or transport options that cannot be used. */
  constructor(options: BrokerOptions) {
    this.#options = options;
    const { management } = readAmqpOptions(options.url, options.transport);
    this.capabilities = management ? { ...CAPABILITIES, inspection: MANAGED } : CAPABILITIES;
    this.broadcast = {
      publish: async (...args) => await this.#connected().broadcast.publish(...args),
      subscribe: async (...args) => await this.#connected().broadcast.subscribe(...args),
    };
    this.queues = {
      list: async () => await this.#connected().inspector.list(),
      counts: async (...args) => await this.#connected().inspector.counts(...args),
      definition: async (...args) => await this.#connected().inspector.definition(...args),
      peek: async (...args) => await this.#connected().inspector.peek(...args),
      take: async (...args) => await this.#connected().inspector.take(...args),
      purge: async (...args) => await this.#connected().inspector.purge(...args),
      delete: async (...args) => await this.#connected().inspector.delete(...args),
    };
  }

  async connect(signal?: AbortSignal): Promise<void> {
    if (this.#closing) throw closedError();
    this.#connecting ??= this.#connect(signal).catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    await this.#connecting;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For tests: ends the connections as the death of this process would. */
  async abandon(): Promise<void> {
    const parts = this.#parts;
    this.#parts = undefined;
    this.#closing ??= Promise.resolve();
    parts?.publishing.abandon();
    parts?.consuming.abandon();
    await Promise.all(parts?.shares.map((share) => share.release()) ?? []);
  }

  async declare(queue: QueueSpec): Promise<void> {
    await this.#connected().topology.declare(queue);
  }
  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    await this.#connected().topology.bind(queue, exchange, routingKey);
  }
  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#connected().topology.unbind(queue, exchange, routingKey);
  }

  async publish(message: Message, route: Route): Promise<void> {
    const parts = this.#connected();
    const { exchange, routingKey, eta, priority, mandatory = true } = route;
    if (eta && delaySeconds(eta, Date.now()) !== undefined) return await this.#publishLater(parts, message, route, eta);
    if (!parts.topology.isKnownExchange(exchange) && !(await parts.topology.hasExchange(exchange))) {
      if (mandatory) throw unroutable(route);
      return;
    }
    const options = encodeEnvelope(message, { priority });
    await parts.publisher.publish({ exchange, routingKey, body: message.body, options, mandatory });
  }

  async consume(
    queues: readonly string[],
    { prefetch, name }: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    const { consuming, requests, topology, begun } = this.#connected();
    const consumer = new AmqpConsumer({
      queues,
      prefetch,
      name,
      connection: consuming,
      requests,
      topology,
      begun,
      onDelivery,
      onDone: (done) => this.#consumers.delete(done),
    });
    this.#consumers.add(consumer);
    try {
      await consumer.start(this.#options.publishTimeout);
    } catch (error) {
      await consumer.close();
      throw explained(error);
    }
    return consumer;
  }

  async #publishLater(parts: Parts, message: Message, route: Route, eta: Date): Promise<void> {
    const { exchange, routingKey, priority, mandatory = true } = route;
    const target = { exchange, routingKey };
    try {
      await parts.delayed.prepare(target);
    } catch (error) {
      if (replyCode(error) !== REPLY_CODES.NOT_FOUND) throw explained(error);
      if (mandatory) throw unroutable(route);
      return;
    }
    // Only now: the preparation may have taken some of the time.
    const seconds = delaySeconds(eta, Date.now()) ?? 1;
    const options = encodeEnvelope(message, { priority, delayed: true });
    await parts.publisher.publish({ ...delayedRoute(seconds, target), body: message.body, options, mandatory: true });
  }

  async #connect(signal: AbortSignal | undefined): Promise<void> {
    const { url, transport, connections, logger } = this.#options;
    const share = (role: "publish" | "consume"): Share<AmqpConnection> =>
      shareAmqp(connections, { url, transport, role, logger });
    const shares = [share("publish"), share("consume")] as const;
    const [publishing, consuming] = [shares[0].value, shares[1].value];
    try {
      await Promise.all([publishing.connect(signal), consuming.connect(signal)]);
    } catch (error) {
      await Promise.all(shares.map((each) => each.release()));
      throw error;
    }
    this.#parts = this.#assemble(shares, publishing, consuming);
  }

  #assemble(shares: Parts["shares"], publishing: AmqpConnection, consuming: AmqpConnection): Parts {
    const { publishTimeout: timeout, logger } = this.#options;
    const requests = new AmqpRequests(consuming, timeout);
    const topology = new AmqpTopology(requests, logger);
    const delayed = new DelayedDelivery(requests, consuming.options.delayedQueueType);
    const publisher = new AmqpPublisher(publishing, {
      name: "tasks",
      timeout,
      prepare: restoring(publishing, topology, delayed),
    });
    const begun = new BegunCounts(requests, publisher, logger);
    const broadcast = new AmqpBroadcast({ publishing, consuming, timeout });
    const inspector = new AmqpInspector({
      connection: consuming,
      requests,
      topology,
      begun,
      management: managementOf(consuming, timeout),
      timeout,
      onDelete: (queue) => {
        topology.forget(queue);
        delayed.forget(queue);
        for (const consumer of this.#consumers) consumer.loseQueue(queue);
      },
    });
    return { shares, publishing, consuming, requests, topology, delayed, publisher, begun, broadcast, inspector };
  }

  async #close(): Promise<void> {
    await this.#connecting?.catch(() => undefined);
    const parts = this.#parts;
    if (!parts) return;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await parts.inspector.close();
    await parts.broadcast.close();
    await parts.publisher.close();
    await parts.requests.close();
    await Promise.all(parts.shares.map((share) => share.release()));
  }

  #connected(): Parts {
    if (this.#closing) throw closedError();
    if (!this.#parts) throw new BrokerError("the broker is not connected yet", { code: "broker_closed" });
    return this.#parts;
  }
}

/** As the user of the broker's URL, unless the option names another. */
function managementOf(
  { options: { management, addresses } }: AmqpConnection,
  timeout: number,
): RabbitManagement | undefined {
  const [address] = addresses;
  if (!management || !address) return undefined;
  const user = management.user ?? { name: address.username, password: address.password };
  return new RabbitManagement({ base: management.base, user, vhost: address.vhost, timeout });
}

/** Restores the topology when it may be gone: on a connection that is not the first. */
function restoring(connection: AmqpConnection, topology: AmqpTopology, delayed: DelayedDelivery): () => Promise<void> {
  let known = connection.current;
  return async () => {
    if (connection.current === known) {
      // The channel alone was lost: somebody deleted an exchange that messages went to.
      topology.forgetExchanges();
      return;
    }
    known = connection.current;
    await topology.restore();
    await delayed.restore();
  };
}
