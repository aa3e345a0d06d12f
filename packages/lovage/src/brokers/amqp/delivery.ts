import type { ClientMessage } from "../../connections/amqp-client.js";
import { decodeEnvelope } from "../../connections/amqp-envelope.js";
import type { Message } from "../../protocol/message.js";
import type { Delivery } from "../broker.js";
import { type BegunCounts, messageKey } from "./begun.js";
import { type DelayedRoute, originalRoute, wasDelayed } from "./delayed.js";
import type { Holds } from "./holds.js";

/** What a delivery needs of its consumer. */
export interface DeliveryContext {
  readonly holds: Holds;
  readonly begun: BegunCounts;
  /** The exchange that a queue was declared with here. */
  readonly boundTo: (queue: string) => DelayedRoute | undefined;
  /** It is held no longer; the broker may still have to be told. */
  readonly onEnd: (delivery: AmqpDelivery) => void;
}

export class AmqpDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveries: number;
  /** RabbitMQ has none to give: a connection that is lost takes its deliveries along, but nobody is told in what order. */
  readonly token = undefined;
  readonly #tag: number;
  readonly #context: DeliveryContext;
  #key: string | undefined;

  constructor(message: ClientMessage, queue: string, context: DeliveryContext) {
    const { deliveryTag, redelivered, exchange, routingKey } = message.fields;
    const delayed = wasDelayed(message);
    const route = delayed ? originalRoute(message.fields, queue, context.boundTo(queue)) : { exchange, routingKey };
    this.message = decodeEnvelope(message, delayed);
    this.queue = queue;
    this.exchange = route.exchange;
    this.routingKey = route.routingKey;
    this.deliveries = redelivered ? 2 : 1;
    this.#tag = deliveryTag;
    this.#context = context;
  }

  async ack(): Promise<void> {
    await this.#end((holds) => holds.ack(this.#tag));
    if (this.#key !== undefined) this.#context.begun.forget(this.#key);
  }

  async reject({ requeue }: { requeue: boolean }): Promise<void> {
    await this.#end((holds) => holds.reject(this.#tag, requeue));
    if (this.#key !== undefined && !requeue) this.#context.begun.forget(this.#key);
  }

  /** The connection is the hold. The broker is asked whether it still is: this process may have been frozen. */
  async extend(): Promise<void> {
    await this.#context.holds.confirm(this.#tag);
  }

  async begin(): Promise<number> {
    const { holds, begun } = this.#context;
    holds.mustHold(this.#tag);
    this.#key = messageKey(this.queue, this.message);
    const count = await begun.begin(this.#key);
    holds.mustHold(this.#tag);
    return count;
  }

  #end(end: (holds: Holds) => Promise<void>): Promise<void> {
    const ended = end(this.#context.holds);
    this.#context.onEnd(this);
    return ended;
  }
}
