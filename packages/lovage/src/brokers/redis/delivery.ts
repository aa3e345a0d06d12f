import { LeaseLostError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Delivery } from "../broker.js";
import { decodeEnvelope, encodeEnvelope } from "./envelope.js";
import type { ChangeKind, RedisHolds } from "./holds.js";

/** A message taken from a list. */
export interface Taken {
  readonly queue: string;
  readonly token: number;
  /** See scripts/common.ts. */
  readonly tag: string;
  readonly envelope: Buffer;
}

/** A message that this process holds. */
export class RedisDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveries: number;
  readonly token: number;
  readonly #tag: string;
  readonly #holds: RedisHolds;
  /** Called once, when this delivery is no longer held for whatever reason. */
  readonly #onEnd: (delivery: RedisDelivery) => void;
  #ended = false;

  constructor(taken: Taken, holds: RedisHolds, onEnd: (delivery: RedisDelivery) => void) {
    const { queue, token, tag } = taken;
    const envelope = decodeEnvelope(taken.envelope);
    this.message = envelope.message;
    this.queue = queue;
    this.exchange = envelope.exchange;
    this.routingKey = envelope.sound ? envelope.routingKey : queue;
    this.deliveries = envelope.deliveries + 1;
    this.token = token;
    this.#tag = tag;
    this.#holds = holds;
    this.#onEnd = onEnd;
    holds.add(tag);
    if (!envelope.sound) this.#mend();
  }

  async ack(): Promise<void> {
    const done = this.#change("done");
    // At once, so that the next message is asked for in the same packet.
    this.#end();
    await done;
  }

  async reject({ requeue }: { requeue: boolean }): Promise<void> {
    await this.#change(requeue ? "back" : "done");
    // Not before: the next take must find it at the head of its queue.
    this.#end();
  }

  async extend(seconds: number): Promise<void> {
    await this.#change("hold", seconds * 1000);
  }

  begin(): Promise<number> {
    return this.#change("begin");
  }

  async #change(kind: ChangeKind, value?: number): Promise<number> {
    const result = await this.#holds.change(kind, this.#tag, value);
    if (result > 0) return result;
    this.#end();
    throw new LeaseLostError(`message ${this.token} of queue ${this.queue} is not held by this consumer any more`);
  }

  /** What is kept must be an envelope: a Python worker that restores it would stumble over anything else, each time anew. */
  #mend(): void {
    const envelope = encodeEnvelope(this.message, { exchange: "", routingKey: this.queue }, Date.now());
    // If it fails, the message is what it was.
    this.#holds.change("mend", this.#tag, envelope).catch(() => undefined);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(this);
  }
}
