import { createHash } from "node:crypto";
import type { AmqpPublisher } from "../../connections/amqp-publisher.js";
import type { AmqpRequests } from "../../connections/amqp-requests.js";
import type { Message } from "../../protocol/message.js";
import type { Logger } from "../../util/logger.js";

/** Milliseconds without use after which a count is forgotten: one whose message was dropped by other means. */
const EXPIRES_MS = 24 * 3600 * 1000;
const OPTIONS = { durable: true, arguments: { "x-expires": EXPIRES_MS } };
const MARK = new Uint8Array([1]);

/**
 * How often work on a message has begun, beyond the life of who began: as many messages in a small queue named after it. RabbitMQ
 * itself only tells that a message has been delivered before, and a quorum queue counts deliveries, which are no beginnings.
 * Only redelivered messages have such a queue, from their second run until they are done.
 */
export class BegunCounts {
  readonly #requests: AmqpRequests;
  readonly #publisher: AmqpPublisher;
  readonly #logger: Logger;

  constructor(requests: AmqpRequests, publisher: AmqpPublisher, logger: Logger) {
    this.#requests = requests;
    this.#publisher = publisher;
    this.#logger = logger;
  }

  /** Counts one more, and returns how many that makes. */
  async begin(key: string): Promise<number> {
    const queue = queueName(key);
    await this.#requests.perform((channel) => channel.assertQueue(queue, OPTIONS));
    await this.#publisher.publish({
      exchange: "",
      routingKey: queue,
      body: MARK,
      options: { deliveryMode: 2 },
      mandatory: true,
    });
    const { messageCount } = await this.#requests.perform((channel) => channel.assertQueue(queue, OPTIONS));
    return messageCount;
  }

  /** The message is done. Not waited for: what is left behind expires. */
  forget(key: string): void {
    this.#requests
      .perform((channel) => channel.deleteQueue(queueName(key)))
      .catch((error: unknown) =>
        this.#logger.debug("could not delete a count of beginnings", { error: String(error) }),
      );
  }
}

/** Tells a message apart by all that stays the same of it between deliveries. */
export function messageKey(queue: string, { headers, properties, body }: Message): string {
  return createHash("sha256")
    .update(JSON.stringify([queue, headers, properties]))
    .update(body)
    .digest("base64url");
}

function queueName(key: string): string {
  return `lovage.begun.${key}`;
}
