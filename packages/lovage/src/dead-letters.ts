import type { Broker, Delivery, PeekedMessage, QueueSpec } from "./brokers/broker.js";
import type { DeadLetterReason } from "./outcome.js";
import type { Message } from "./protocol/message.js";

/** Dead letters are an ordinary queue, so that every broker has them and every AMQP tool can see them. */
export const DEAD_LETTER_QUEUE: QueueSpec = {
  name: "lovage.dead-letters",
  exchange: { name: "lovage.dead-letters", type: "direct" },
  routingKey: "lovage.dead-letters",
};

/** The header that tells a dead letter's story. */
const DEATH_HEADER = "x-lovage-death";

/** A death that a message died before it was replayed. */
export type EarlierDeath = Pick<Death, "reason" | "queue" | "worker" | "died" | "error">;

/** Earlier deaths that a message carries with it, the newest first, and characters of each one's error. */
const MAX_EARLIER = 10;
const MAX_EARLIER_ERROR = 500;

/** Why and where a message died. Travels in the header `x-lovage-death`. */
export interface Death {
  readonly reason: DeadLetterReason;
  /** The queue it was taken from, and goes back to when it is replayed. */
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveries: number;
  /** The worker that gave it up. */
  readonly worker: string;
  /** ISO instant. */
  readonly died: string;
  /** What was wrong, in words. */
  readonly error: string;
  /** How the process that ran it last ended, when one did. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Bytes it was last seen to use. */
  readonly memory: number | null;
  /** How often it has been replayed before this death. */
  readonly replayed: number;
  /** The deaths before those replays, the newest first; at most ten. */
  readonly earlier: readonly EarlierDeath[];
}

export type DeathCause = Pick<Death, "reason" | "worker" | "error"> &
  Partial<Pick<Death, "exitCode" | "signal" | "memory">>;

export interface DeadLetter {
  /** Names it for `replay` and `remove`. */
  readonly key: string;
  readonly message: Message;
  readonly death: Death;
}

/** Puts messages aside that cannot be run, keeps them with the evidence, and sends them again when asked. */
export class DeadLetters {
  readonly #broker: Broker;
  #declared: Promise<void> | undefined;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Moves a held message to the dead letters. It is there before it leaves its queue: a crash in between leaves it in both. */
  async bury(delivery: Delivery, cause: DeathCause, now: Date): Promise<void> {
    const { message, queue, exchange, routingKey, deliveries } = delivery;
    // One that it still carries is of a time before it was replayed.
    const before = deathOf(message);
    const death: Death = {
      exitCode: null,
      signal: null,
      memory: null,
      ...cause,
      queue,
      exchange,
      routingKey,
      deliveries,
      died: now.toISOString(),
      replayed: before?.replayed ?? 0,
      earlier: before ? [earlierDeath(before), ...before.earlier].slice(0, MAX_EARLIER) : [],
    };
    await this.#declare();
    await this.#broker.publish(withDeath(message, death), { exchange: "", routingKey: DEAD_LETTER_QUEUE.name });
    await delivery.ack();
  }

  /** Dead letters, oldest first. */
  async list(options: { limit: number; offset?: number } = { limit: 100 }): Promise<DeadLetter[]> {
    await this.#declare();
    return (await this.#broker.queues.peek(DEAD_LETTER_QUEUE.name, options)).map(deadLetter);
  }

  async count(): Promise<number> {
    await this.#declare();
    return (await this.#broker.queues.counts(DEAD_LETTER_QUEUE.name))?.ready ?? 0;
  }

  /** Sends them to the queue they came from, or to `queue`, and returns how many went. Those that are gone are passed over. */
  async replay(keys: readonly string[], options: { queue?: string } = {}): Promise<number> {
    const taken = await this.#broker.queues.take(DEAD_LETTER_QUEUE.name, keys);
    await Promise.all(taken.map((delivery) => this.#replayOne(delivery, options.queue)));
    return taken.length;
  }

  /**
   * As `replay`, and tells of each what became of it: one that cannot be sent stays where it is, and the others go all the same.
   * Those that are gone are not among them. Without `queue`, one whose own queue is not known stays too.
   */
  async replayEach(
    keys: readonly string[],
    options: { queue?: string } = {},
  ): Promise<readonly { readonly message: Message; readonly queue: string | undefined; readonly error: unknown }[]> {
    const taken = await this.#broker.queues.take(DEAD_LETTER_QUEUE.name, keys);
    return await Promise.all(
      taken.map(async (delivery) => {
        const { message } = delivery;
        const queue = options.queue ?? deathOf(message)?.queue;
        try {
          await this.#replayOne(delivery, options.queue);
          return { message, queue, error: undefined };
        } catch (error) {
          return { message, queue, error };
        }
      }),
    );
  }

  /** Deletes them and returns how many went. */
  async remove(keys: readonly string[]): Promise<number> {
    const taken = await this.#broker.queues.take(DEAD_LETTER_QUEUE.name, keys);
    await Promise.all(taken.map((delivery) => delivery.ack()));
    return taken.length;
  }

  async #replayOne(delivery: Delivery, queue: string | undefined): Promise<void> {
    const death = deathOf(delivery.message);
    const target = queue ?? death?.queue;
    try {
      if (target === undefined) throw new Error("its death header is missing, so its queue is not known: name one");
      const message = withDeath(delivery.message, death && { ...death, replayed: death.replayed + 1 });
      await this.#broker.publish(message, { exchange: "", routingKey: target, ...priorityOf(message) });
    } catch (error) {
      await delivery.reject({ requeue: true });
      throw error;
    }
    await delivery.ack();
  }

  #declare(): Promise<void> {
    this.#declared ??= this.#broker.declare(DEAD_LETTER_QUEUE).catch((error: unknown) => {
      this.#declared = undefined;
      throw error;
    });
    return this.#declared;
  }
}

function priorityOf(message: Message): { priority?: number } {
  const { priority } = message.properties;
  return typeof priority === "number" ? { priority } : {};
}

function withDeath(message: Message, death: Death | undefined): Message {
  return { ...message, headers: { ...message.headers, ...(death && { [DEATH_HEADER]: death }) } };
}

function deadLetter({ key, message, published }: PeekedMessage): DeadLetter {
  return { key, message, death: deathOf(message) ?? unknownDeath(published) };
}

/** For what somebody else put into the queue. */
function unknownDeath(published: Date | undefined): Death {
  return {
    reason: "rejected",
    queue: "",
    exchange: "",
    routingKey: "",
    deliveries: 0,
    worker: "",
    died: (published ?? new Date(0)).toISOString(),
    error: "not put here by a Lovage worker",
    exitCode: null,
    signal: null,
    memory: null,
    replayed: 0,
    earlier: [],
  };
}

function earlierDeath({ reason, queue, worker, died, error }: Death): EarlierDeath {
  return { reason, queue, worker, died, error: error.slice(0, MAX_EARLIER_ERROR) };
}

function deathOf(message: Message): Death | undefined {
  const found = message.headers[DEATH_HEADER];
  if (!isDeath(found)) return undefined;
  // Messages that an older worker buried have none.
  const earlier: unknown = Reflect.get(found, "earlier");
  return { ...found, earlier: Array.isArray(earlier) ? earlier.filter(isEarlierDeath).slice(0, MAX_EARLIER) : [] };
}

function isDeath(value: unknown): value is Omit<Death, "earlier"> {
  return (
    isEarlierDeath(value) &&
    hasMembers(value, ["exchange", "routingKey"], "string") &&
    hasMembers(value, ["deliveries", "replayed"], "number")
  );
}

function isEarlierDeath(value: unknown): value is EarlierDeath {
  return (
    typeof value === "object" &&
    value !== null &&
    hasMembers(value, ["reason", "queue", "worker", "died", "error"], "string")
  );
}

function hasMembers(value: object, names: readonly string[], type: "string" | "number"): boolean {
  return names.every((name) => typeof Reflect.get(value, name) === type);
}
