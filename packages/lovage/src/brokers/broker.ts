import type { Connections } from "../connections/connections.js";
import type { Message } from "../protocol/message.js";
import type { Logger } from "../util/logger.js";

/**
 * A message broker as the rest of Lovage sees it. `test/contract/broker.contract.ts` pins every sentence here.
 *
 * Errors: a broker that cannot be reached, or does not answer within the configured deadline, rejects with
 * `BrokerConnectionError`; anything else it refuses is a `BrokerError` that says what and why.
 */
export interface Broker {
  readonly capabilities: BrokerCapabilities;
  /** Opens the connection. Idempotent. */
  connect(signal?: AbortSignal): Promise<void>;
  /** Cancels consumers, gives back what they hold, closes the connection. Idempotent; safe before `connect`. */
  close(): Promise<void>;
  /**
   * Makes the queue exist with these properties, and for `exchange` the exchange and the binding too. Idempotent.
   * Rejects with a `BrokerError` naming the property when the queue exists with another one.
   */
  declare(queue: QueueSpec): Promise<void>;
  /** Makes the exchange exist and routes its messages with `routingKey` (a pattern on topic exchanges) to `queue`. Idempotent. */
  bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void>;
  unbind(queue: string, exchange: string, routingKey: string): Promise<void>;
  /**
   * Settles once the broker holds the message safely in every queue it routes to.
   * Rejects with `UnroutableError` when it routes to none, unless `route.mandatory` is false.
   */
  publish(message: Message, route: Route): Promise<void>;
  /**
   * Publishes inside a transaction of the caller's, through their own client: the message exists if and only if that commits. Settles
   * when the statements are done; errors of the client pass as they are. The queue must be declared. Uses no connection of the
   * broker's own, so it works before `connect`. Absent where the broker is no database that others have transactions in.
   */
  publishIn?(query: TransactionQuery, message: Message, route: Route): Promise<void>;
  /**
   * Takes messages of `queues`, at most `prefetch` unacknowledged at a time over all of them. The queues must be declared.
   * Keeps the process alive until it is cancelled, whatever a driver waits with: an idle worker has nothing else that does.
   */
  consume(
    queues: readonly string[],
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer>;
  /** Messages to whoever listens now: events, control, replies. */
  readonly broadcast: Broadcast;
  /** What waits in the queues. */
  readonly queues: QueueInspector;
}

/** Runs a statement through somebody's client, in the transaction that is open there, and returns its rows. */
export type TransactionQuery = (
  text: string,
  values: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Differences between brokers, as data: core code reads these and never asks which driver it has. */
export interface BrokerCapabilities {
  /** Queues may be declared with `maxPriority`. */
  readonly priorities: boolean;
  /** How many levels of priority are told apart where they are fewer than ten: neighbours then share one. @default 10 */
  readonly priorityLevels?: number;
  /** Holding a message needs a lease that must be extended; false where the connection itself is the hold. */
  readonly leases: boolean;
  /** Whether messages survive the end of this process. */
  readonly durable: boolean;
  /** Whether other processes see the same queues. */
  readonly shared: boolean;
  /** `peek` leaves the queue as it is ("clean") or moves messages for a moment ("disturbs"). */
  readonly peek: "clean" | "disturbs";
  /** Whether `counts` can tell the age of the oldest message. */
  readonly oldestMessage: boolean;
  /** Whether deliveries carry a fencing token. */
  readonly fencing: boolean;
  /** `Delivery.deliveries` counts every hand-out ("each"), or is 2 for all after the first ("repeated"). */
  readonly deliveryCount: "each" | "repeated";
  /** Seconds by which a message may be ready later than its ETA, because the broker keeps delays in steps of this length; 0 for exact. */
  readonly etaStep: number;
  /** Which messages and queues an inspector sees besides those that are ready. */
  readonly inspection: {
    /** Those held by consumers: in `counts` and `peek`. */
    readonly held: boolean;
    /** Those waiting for their ETA: in `counts`, `peek`, `take` and `purge`. */
    readonly scheduled: boolean;
    /** `list` knows all of the broker's queues, or those that this process has declared. */
    readonly queues: "all" | "declared";
  };
  /** Names the log that acknowledgements are written to in order, if a result backend may share it: see `BackendCapabilities.log`. */
  readonly log: string | undefined;
}

export const EXCHANGE_TYPES = ["direct", "topic", "fanout"] as const;
export type ExchangeType = (typeof EXCHANGE_TYPES)[number];
export const QUEUE_TYPES = ["classic", "quorum"] as const;
export type QueueType = (typeof QUEUE_TYPES)[number];
export const PRIORITY_ORDERS = ["lovage", "celery"] as const;
export type PriorityOrder = (typeof PRIORITY_ORDERS)[number];
export interface ExchangeSpec {
  readonly name: string;
  readonly type: ExchangeType;
}

/** A queue's definition. All who use the queue must agree on it. */
export interface QueueSpec {
  readonly name: string;
  /** Declared with the queue and bound to it with `routingKey`. */
  readonly exchange?: ExchangeSpec;
  /** @default the queue's name */
  readonly routingKey?: string;
  /** 0 to 9: priorities above it count as it. Without it, priorities are ignored on this queue. */
  readonly maxPriority?: number;
  /** On Redis: `"celery"` keeps kombu's order, 0 first, for a queue shared with Python. @default "lovage": 9 first, as everywhere */
  readonly priorityOrder?: PriorityOrder;
  /** How a broker that has the choice keeps the queue; others have one way. @default "classic" */
  readonly type?: QueueType;
}

/** Where a message goes. Exchange `""` is the anonymous one: it routes to the queue named `routingKey`. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
  /** The message becomes ready at this instant; until then it waits in the broker. */
  readonly eta?: Date;
  /** 0 to 9, 9 the most urgent; see `QueueSpec.maxPriority`. @default 0 */
  readonly priority?: number;
  /** A message that routes to no queue is an error. @default true */
  readonly mandatory?: boolean;
}

export interface ConsumeOptions {
  /** Most unacknowledged deliveries at a time; 0 for no limit. */
  readonly prefetch: number;
  /** Shown by inspectors: the worker's node name. */
  readonly name?: string;
}

export interface Consumer {
  /**
   * Why messages that wait would not be delivered now, for people; undefined while it consumes. What it knows without asking: that a
   * server has vanished without a word is found out by whoever asks it something.
   */
  readonly trouble: string | undefined;
  /** Takes effect for the next deliveries; what is held stays held. */
  setPrefetch(count: number): Promise<void>;
  /** No further deliveries. What is held stays held and can be acknowledged. Idempotent. */
  cancel(): Promise<void>;
}

/** A message this consumer holds. Exactly one of `ack` and `reject` ends it. */
export interface Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** How many times this message has been handed out, this time included: 1 the first time. Being held is not being worked on. */
  readonly deliveries: number;
  /**
   * Records that work on this message begins now, and returns how many times that has been recorded, this time included.
   * The record outlives the holder, so that a message under which workers die can be told from one that was only held by them.
   * Called for redelivered messages only, before their task runs. Rejects with `LeaseLostError` as `ack` does.
   */
  begin(): Promise<number>;
  /**
   * Fencing token: greater than that of every earlier delivery of any message of this broker.
   * Undefined where the broker has none to give.
   */
  readonly token: number | undefined;
  /** The message is done. Rejects with `LeaseLostError` when this holder's lease was lost: then nothing has changed. */
  ack(): Promise<void>;
  /** Gives the message back at the head of its queue (`requeue`), or drops it. Rejects with `LeaseLostError` as `ack` does. */
  reject(options: { requeue: boolean }): Promise<void>;
  /**
   * Holds the message for `seconds` from now, however long it was held for. A no-op where holding needs no lease.
   * Rejects with `LeaseLostError` when it is too late: another consumer may have the message.
   */
  extend(seconds: number): Promise<void>;
}

/** Who hears a broadcast: Celery's events, its control requests, and the replies to one requester. */
export type BroadcastChannel = "events" | "control" | "replies";

/** Fire-and-forget messages to current listeners, in the order each sender sent them. */
export interface Broadcast {
  /** Settles when the broker has it. Nobody listening is not an error. `replies` go to the one who listens to that key. */
  publish(channel: BroadcastChannel, routingKey: string, message: Message): Promise<void>;
  /**
   * Settles once messages published from now on will arrive.
   * `pattern` is an AMQP topic pattern over routing keys (`#`, `task.*`) for events; the exact key for replies; "" for control.
   */
  subscribe(
    channel: BroadcastChannel,
    pattern: string,
    onMessage: (message: Message, routingKey: string) => void,
    options?: ListenOptions,
  ): Promise<Subscription>;
}
export interface ListenOptions {
  /** Who listens, where others look for it by name: a worker's node name for control. */
  readonly name?: string;
}
export interface Subscription {
  /** Idempotent. */
  cancel(): Promise<void>;
}

export interface QueueCounts {
  /** Could be delivered now. */
  readonly ready: number;
  /** Held by consumers; 0 where `inspection.held` is false. */
  readonly unacked: number;
  /** Waiting for their ETA; 0 where `inspection.scheduled` is false. */
  readonly scheduled: number;
  /** When the longest-waiting ready message became ready; undefined when none is, or the broker cannot tell. */
  readonly oldest: Date | undefined;
  readonly consumers: number | undefined;
}

export interface PeekedMessage {
  /** Names the message in this broker for `take`; opaque. */
  readonly key: string;
  readonly message: Message;
  readonly queue: string;
  readonly state: "ready" | "unacked" | "scheduled";
  readonly eta: Date | undefined;
  readonly deliveries: number;
  readonly published: Date | undefined;
}

/** One way by which messages come to a queue. */
export interface QueueBinding {
  readonly exchange: string;
  readonly exchangeType: string;
  readonly routingKey: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** How a queue is defined, whoever declared it. */
export interface QueueDefinition {
  /** Without the anonymous exchange, which reaches every queue. Sorted by exchange and key. */
  readonly bindings: readonly QueueBinding[];
  /** What the broker keeps of it, under Celery's names where there is one: `{ durable: true, max_priority: 9 }`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface QueueInspector {
  /** Names of all the broker's queues, sorted. */
  list(): Promise<string[]>;
  /** Undefined for a queue that does not exist. */
  counts(queue: string): Promise<QueueCounts | undefined>;
  /** Undefined for a queue that `list` does not know. */
  definition(queue: string): Promise<QueueDefinition | undefined>;
  /** Up to `limit` messages from the head, after skipping `offset`; ready ones first, then scheduled, then unacked. Removes nothing. */
  peek(queue: string, options: { limit: number; offset?: number }): Promise<PeekedMessage[]>;
  /** Takes messages out, out of turn, as deliveries; those that are gone, or held by somebody, are left out. */
  take(queue: string, keys: readonly string[]): Promise<Delivery[]>;
  /** Drops all ready and scheduled messages and says how many; held ones stay. */
  purge(queue: string): Promise<number>;
  /** Removes the queue with its messages and bindings. Not an error when it does not exist. */
  delete(queue: string): Promise<void>;
}

/** What a driver is opened with; `open-broker.ts` fills it from the settings. */
export interface BrokerOptions {
  readonly url: string;
  /** Seconds after its holder's death (or silence) that a message is given to another. @default 15 */
  readonly leaseSeconds: number;
  /** Seconds within which a publish is confirmed or rejected. @default 10 */
  readonly publishTimeout: number;
  /** `brokerTransportOptions`: each driver has its own, reads them from the URL's query too, and refuses unknown ones. @default {} */
  readonly transport?: Readonly<Record<string, unknown>>;
  /** Seconds that an answer of the store is waited for. @default the driver\'s own */
  readonly responseTimeout?: number | undefined;
  /** The app's open connections, shared with its result backend. */
  readonly connections: Connections;
  readonly logger: Logger;
}
