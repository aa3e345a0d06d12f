import {
  type ClientChannel,
  type ClientQueueOptions,
  REPLY_CODES,
  replyCode,
  replyText,
} from "../../connections/amqp-client.js";
import type { AmqpRequests } from "../../connections/amqp-requests.js";
import { BrokerConnectionError, BrokerError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import type { ExchangeSpec, QueueDefinition, QueueSpec, QueueType } from "../broker.js";
import { noSuchQueue, sortedBindings } from "../routing-table.js";
import { bindDue, bindDueAsCelery, type DelayedRoute, declareDeliveryExchange } from "./delayed.js";

interface Binding {
  readonly exchange: ExchangeSpec;
  readonly routingKey: string;
}
interface Known {
  readonly spec: QueueSpec;
  readonly bindings: Binding[];
}

/** Declares queues as Celery does, and remembers them: they are declared again when the broker may have lost them. */
export class AmqpTopology {
  readonly #requests: AmqpRequests;
  readonly #logger: Logger;
  readonly #known = new Map<string, Known>();
  /** Exchanges that are surely there, unless somebody deleted them. */
  readonly #exchanges = new Set<string>([""]);

  constructor(requests: AmqpRequests, logger: Logger) {
    this.#requests = requests;
    this.#logger = logger;
  }

  get queues(): string[] {
    return [...this.#known.keys()].sort();
  }

  async declare(spec: QueueSpec): Promise<void> {
    await this.#change((channel) => declareOn(channel, spec));
    await this.#leadDue(spec);
    const bindings = this.#known.get(spec.name)?.bindings ?? [];
    this.#known.set(spec.name, { spec, bindings });
    if (spec.exchange) this.#exchanges.add(spec.exchange.name);
  }

  async bind(queue: string, exchange: ExchangeSpec, routingKey: string): Promise<void> {
    await this.#change(async (channel) => {
      // First of all: a binding that is refused must not leave an exchange behind.
      await channel.checkQueue(queue);
      await bindOn(channel, queue, { exchange, routingKey });
    });
    this.#exchanges.add(exchange.name);
    this.#known.get(queue)?.bindings.push({ exchange, routingKey });
  }

  async unbind(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#requests.find((channel) => channel.unbindQueue(queue, exchange, routingKey));
    const known = this.#known.get(queue);
    if (!known) return;
    const kept = known.bindings.filter((each) => each.exchange.name !== exchange || each.routingKey !== routingKey);
    this.#known.set(queue, { spec: known.spec, bindings: kept });
  }

  /** The queue was deleted on purpose. */
  forget(queue: string): void {
    this.#known.delete(queue);
  }

  /** Makes sure that the queue is there: one that was declared here is declared again. Rejects with `no_such_queue` for any other. */
  async ensure(queue: string): Promise<void> {
    const known = this.#known.get(queue);
    await this.#change((channel) => (known ? declareKnown(channel, known) : channel.checkQueue(queue)));
    if (known) await this.#leadDue(known.spec);
  }

  /** Whether messages can be published to it: RabbitMQ closes the channel on which one goes to an exchange that is not there. */
  async hasExchange(name: string): Promise<boolean> {
    if (this.#exchanges.has(name)) return true;
    const found = await this.#requests.find((channel) => channel.checkExchange(name));
    if (found !== undefined) this.#exchanges.add(name);
    return found !== undefined;
  }
  forgetExchanges(): void {
    this.#exchanges.clear();
    this.#exchanges.add("");
  }
  isKnownExchange(name: string): boolean {
    return this.#exchanges.has(name);
  }

  /** As it was declared and bound here: AMQP itself tells nothing of what others did. */
  definition(queue: string): QueueDefinition | undefined {
    const known = this.#known.get(queue);
    if (!known) return undefined;
    const { spec } = known;
    const own = spec.exchange && { exchange: spec.exchange, routingKey: spec.routingKey ?? spec.name };
    const bindings = (own ? [own, ...known.bindings] : known.bindings).map(({ exchange, routingKey }) => ({
      exchange: exchange.name,
      exchangeType: exchange.type,
      routingKey,
      arguments: {},
    }));
    const settings = { durable: true, max_priority: spec.maxPriority ?? null, "x-queue-type": spec.type ?? "classic" };
    return { bindings: sortedBindings(bindings), settings };
  }

  /** The queue's own exchange and key, where it was declared with one here. */
  boundTo(queue: string): DelayedRoute | undefined {
    const spec = this.#known.get(queue)?.spec;
    return spec?.exchange && { exchange: spec.exchange.name, routingKey: spec.routingKey ?? spec.name };
  }

  /** The queue exists. What type it is of, asked by a declaration that only a classic queue agrees with. */
  async typeOf(queue: string): Promise<QueueType> {
    const known = this.#known.get(queue);
    if (known) return known.spec.type ?? "classic";
    try {
      await this.#requests.perform((channel) =>
        channel.assertQueue(queue, { arguments: { "x-queue-type": "classic" } }),
      );
      return "classic";
    } catch (error) {
      if (replyCode(error) === undefined) throw error;
      // Other differences, of queues with a maximum length and such, are told after this one.
      return /x-queue-type.*current is.*quorum/.test(replyText(error)) ? "quorum" : "classic";
    }
  }

  /** After a reconnect: the broker may be another one, or have lost what was not durable. */
  async restore(): Promise<void> {
    this.forgetExchanges();
    for (const [queue, known] of [...this.#known]) {
      try {
        await this.#change((channel) => declareKnown(channel, known));
        await this.#leadDue(known.spec);
        if (known.spec.exchange) this.#exchanges.add(known.spec.exchange.name);
      } catch (error) {
        this.#logger.warn("could not declare a queue again", { queue, error: String(error) });
        // Away again: the next connection starts from the beginning.
        if (error instanceof BrokerConnectionError) return;
      }
    }
  }

  /** What is due finds the queue. Not more than a precaution: who publishes with an ETA sees to it, and is told when it may not. */
  async #leadDue(spec: QueueSpec): Promise<void> {
    try {
      await this.#requests.perform((channel) => leadDueOn(channel, spec));
    } catch (error) {
      this.#logger.debug("could not bind a queue to what is due", { queue: spec.name, error: replyText(error) });
    }
  }

  async #change(change: (channel: ClientChannel) => Promise<unknown>): Promise<void> {
    try {
      await this.#requests.perform(change);
    } catch (error) {
      throw explained(error);
    }
  }
}

/** As kombu: the exchange, the queue, the binding (celery-protocol 3.2). */
async function declareOn(channel: ClientChannel, spec: QueueSpec): Promise<void> {
  const { name, exchange, routingKey = name } = spec;
  if (exchange) await channel.assertExchange(exchange.name, exchange.type, { durable: true });
  await channel.assertQueue(name, queueOptions(spec));
  if (exchange) await channel.bindQueue(name, exchange.name, routingKey);
}

async function leadDueOn(channel: ClientChannel, spec: QueueSpec): Promise<void> {
  const { name, exchange, routingKey = name, type } = spec;
  await declareDeliveryExchange(channel);
  await bindDue(channel, name);
  if (exchange && exchange.type !== "direct" && type === "quorum")
    await bindDueAsCelery(channel, name, { exchange: exchange.name, routingKey });
}

async function declareKnown(channel: ClientChannel, { spec, bindings }: Known): Promise<void> {
  await declareOn(channel, spec);
  for (const binding of bindings) await bindOn(channel, spec.name, binding);
}

async function bindOn(channel: ClientChannel, queue: string, { exchange, routingKey }: Binding): Promise<void> {
  await channel.assertExchange(exchange.name, exchange.type, { durable: true });
  await channel.bindQueue(queue, exchange.name, routingKey);
}

function queueOptions({ maxPriority, type = "classic" }: QueueSpec): ClientQueueOptions {
  return {
    durable: true,
    arguments: {
      // Without it for classic ones, as Celery: it counts as a difference for servers whose default is another.
      ...(type === "quorum" && { "x-queue-type": "quorum" }),
      ...(maxPriority !== undefined && { "x-max-priority": maxPriority }),
    },
  };
}

/** RabbitMQ's names of what we call otherwise. */
const PROPERTIES: ReadonlyMap<string, string> = new Map([
  ["x-max-priority", "maxPriority"],
  ["x-queue-type", "type"],
]);
const DIFFERENCE =
  /inequivalent arg '([^']+)' for (queue|exchange) '([\s\S]*)' in vhost '[\s\S]*?': received (.*) but current is (.*)$/;

/** A refusal of the server in our words. Anything else is returned as it is. */
export function explained(error: unknown): unknown {
  const code = replyCode(error);
  if (error instanceof TypeError || error instanceof RangeError)
    return new BrokerError(`this cannot be asked of RabbitMQ: ${error.message}`, { cause: error });
  if (code === undefined) return error;
  const text = replyText(error);
  const missing = /no queue '([\s\S]*)' in vhost/.exec(text)?.[1];
  if (code === REPLY_CODES.NOT_FOUND && missing !== undefined) return noSuchQueue(missing);
  const difference = DIFFERENCE.exec(text);
  if (difference) {
    const [, argument = "", kind = "", name = "", received = "", current = ""] = difference;
    const property = PROPERTIES.get(argument) ?? argument;
    return new BrokerError(
      `${kind} ${name} exists with ${property} ${plain(current)}; it was declared here with ${plain(received)}`,
      { code: `${kind}_mismatch`, cause: error },
    );
  }
  return new BrokerError(`RabbitMQ refused: ${text}`, { cause: error });
}

/** `the value '9' of type 'signedint'` → `9`, `none` → `unset`. */
function plain(value: string): string {
  if (value === "none") return "unset";
  return /'([^']*)'/.exec(value)?.[1] ?? value;
}
