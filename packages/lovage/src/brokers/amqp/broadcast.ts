import type { AmqpConnection } from "../../connections/amqp.js";
import type { ClientChannel } from "../../connections/amqp-client.js";
import { decodeEnvelope, encodeEnvelope } from "../../connections/amqp-envelope.js";
import { AmqpPublisher } from "../../connections/amqp-publisher.js";
import { AmqpSubscriber } from "../../connections/amqp-subscriber.js";
import type { Message } from "../../protocol/message.js";
import { newId } from "../../util/ids.js";
import type { Broadcast, BroadcastChannel, ListenOptions, Subscription } from "../broker.js";
import { explained } from "./topology.js";

interface Place {
  readonly exchange: string;
  readonly type: "topic" | "fanout" | "direct";
  readonly durable: boolean;
  /** Milliseconds: of the queue without a listener, and of a message. */
  readonly expiresMs: number;
  readonly ttlMs: number;
}

/** Celery's exchanges and queues for them. Source: celery-protocol 3.5. */
const PLACES: Readonly<Record<BroadcastChannel, Place>> = {
  events: { exchange: "celeryev", type: "topic", durable: true, expiresMs: 60_000, ttlMs: 5_000 },
  control: { exchange: "celery.pidbox", type: "fanout", durable: false, expiresMs: 10_000, ttlMs: 300_000 },
  replies: { exchange: "reply.celery.pidbox", type: "direct", durable: false, expiresMs: 10_000, ttlMs: 300_000 },
};

export interface AmqpBroadcastOptions {
  readonly publishing: AmqpConnection;
  readonly consuming: AmqpConnection;
  /** Seconds for a publish to be confirmed, and a subscription to be made. */
  readonly timeout: number;
}

/** Events, remote control and its replies, where Celery has them. */
export class AmqpBroadcast implements Broadcast {
  readonly #options: AmqpBroadcastOptions;
  /** Not the tasks' one: a monitor's flood and a task's confirm shall not wait for each other. */
  readonly #publisher: AmqpPublisher;
  readonly #subscribers = new Set<AmqpSubscriber>();

  constructor(options: AmqpBroadcastOptions) {
    this.#options = options;
    const { publishing, timeout } = options;
    this.#publisher = new AmqpPublisher(publishing, { name: "broadcasts", timeout, prepare: declareExchanges });
  }

  async publish(channel: BroadcastChannel, routingKey: string, message: Message): Promise<void> {
    const { exchange } = PLACES[channel];
    const options = encodeEnvelope(message);
    await this.#publisher.publish({ exchange, routingKey, body: message.body, options, mandatory: false });
  }

  async subscribe(
    channel: BroadcastChannel,
    pattern: string,
    onMessage: (message: Message, routingKey: string) => void,
    { name }: ListenOptions = {},
  ): Promise<Subscription> {
    const { consuming, timeout } = this.#options;
    const queue = queueName(channel, pattern, name);
    const subscriber = new AmqpSubscriber(consuming, {
      name: queue,
      prepare: (on) => prepareQueue(on, PLACES[channel], queue, channel === "control" ? "" : pattern),
      onMessage: (message) => onMessage(decodeEnvelope(message), message.fields.routingKey),
    });
    this.#subscribers.add(subscriber);
    const cancel = async (): Promise<void> => {
      this.#subscribers.delete(subscriber);
      await subscriber.cancel();
    };
    try {
      await subscriber.start(timeout);
    } catch (error) {
      await cancel();
      throw explained(error);
    }
    return { cancel };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscribers].map((subscriber) => subscriber.cancel()));
    this.#subscribers.clear();
    await this.#publisher.close();
  }
}

async function declareExchanges(channel: ClientChannel): Promise<void> {
  for (const { exchange, type, durable } of Object.values(PLACES))
    await channel.assertExchange(exchange, type, { durable });
}

async function prepareQueue(channel: ClientChannel, place: Place, queue: string, key: string): Promise<string> {
  const { exchange, type, durable, expiresMs, ttlMs } = place;
  await channel.assertExchange(exchange, type, { durable });
  const args = { "x-expires": expiresMs, "x-message-ttl": ttlMs };
  await channel.assertQueue(queue, { durable: false, autoDelete: true, arguments: args });
  await channel.bindQueue(queue, exchange, key);
  return queue;
}

function queueName(channel: BroadcastChannel, pattern: string, name: string | undefined): string {
  if (channel === "events") return `celeryev.${newId()}`;
  return channel === "replies" ? `${pattern}.reply.celery.pidbox` : `${name ?? newId()}.celery.pidbox`;
}
