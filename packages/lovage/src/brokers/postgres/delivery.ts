import type { PostgresDatabase, WriteKind } from "../../connections/postgres.js";
import { LeaseLostError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Delivery } from "../broker.js";
import { messageOf } from "./envelope.js";
import type { ClaimedRow, Hold, MessageKinds } from "./message-kinds.js";
import { translated } from "./translate.js";

/** Called once, when a delivery is held no longer for whatever reason. Returns whether its last write may wait for company. */
type OnEnd = (delivery: PostgresDelivery) => boolean;

/** A message that a consumer of this process holds. */
export class PostgresDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveries: number;
  readonly token: number;
  readonly #id: string;
  readonly #database: PostgresDatabase;
  readonly #kinds: MessageKinds;
  readonly #onEnd: OnEnd;
  readonly #onRequeued: () => void;
  #ended = false;

  constructor(parts: {
    readonly claimed: ClaimedRow;
    readonly queue: string;
    readonly database: PostgresDatabase;
    readonly kinds: MessageKinds;
    readonly onEnd: OnEnd;
    /** Called when the message waits in its queue again. */
    readonly onRequeued: () => void;
  }) {
    const { claimed } = parts;
    this.message = messageOf(claimed.row);
    this.queue = parts.queue;
    this.exchange = claimed.exchange;
    this.routingKey = claimed.routingKey;
    this.deliveries = claimed.deliveries;
    this.token = claimed.token;
    this.#id = claimed.id;
    this.#database = parts.database;
    this.#kinds = parts.kinds;
    this.#onEnd = parts.onEnd;
    this.#onRequeued = parts.onRequeued;
  }

  /** With the result that carries this token as its fence in one chain: an acknowledgement falls with it. */
  async ack(): Promise<void> {
    const patient = this.#end();
    this.#mustHold(await this.#write(this.#kinds.remove, this.#hold, patient));
  }

  async reject({ requeue }: { requeue: boolean }): Promise<void> {
    this.#end();
    this.#mustHold(await this.#write(requeue ? this.#kinds.release : this.#kinds.remove, this.#hold));
    if (requeue) this.#onRequeued();
  }

  async extend(seconds: number): Promise<void> {
    this.#mustHold(await this.#write(this.#kinds.extend, { ...this.#hold, seconds }));
  }

  async begin(): Promise<number> {
    const begun = await this.#write(this.#kinds.begin, this.#hold);
    this.#mustHold(begun !== undefined);
    return begun ?? 0;
  }

  get #hold(): Hold {
    return { id: this.#id, token: this.token };
  }

  /** Makes room for the next one in the very turn in which this one is given up: both then share a transaction. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    return this.#onEnd(this);
  }

  #write<I, O>(kind: WriteKind<I, O>, item: I, patient = false): Promise<O> {
    return translated(this.#database.write(kind, item, { chain: this.token, patient }));
  }

  #mustHold(held: boolean): void {
    if (held) return;
    this.#end();
    throw new LeaseLostError(`message ${this.#id} of queue ${this.queue} is not held by this consumer any more`);
  }
}
