import type { Sql, SqliteDatabase } from "../../connections/sqlite.js";
import { LeaseLostError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Delivery } from "../broker.js";
import { messageOf } from "./envelope.js";
import { type ClaimedRow, countBegun, extendLease, releaseHeld, removeHeld } from "./messages.js";
import { translated } from "./translate.js";

/** Called once, when a delivery is held no longer for whatever reason. Returns whether its last write may wait for company. */
type OnEnd = (delivery: SqliteDelivery) => boolean;

/** A message that a consumer of this process holds. */
export class SqliteDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveries: number;
  readonly token: number;
  readonly #id: number;
  readonly #database: SqliteDatabase;
  /** Called once, when this delivery is no longer held for whatever reason. Returns whether its last write may wait for company. */
  readonly #onEnd: OnEnd;
  #ended = false;

  constructor(parts: {
    claimed: ClaimedRow;
    queue: string;
    database: SqliteDatabase;
    onEnd: OnEnd;
  }) {
    const { claimed, queue, database, onEnd } = parts;
    this.message = messageOf(claimed.row);
    this.queue = queue;
    this.exchange = claimed.exchange;
    this.routingKey = claimed.routingKey;
    this.deliveries = claimed.deliveries + 1;
    this.token = claimed.token;
    this.#id = claimed.id;
    this.#database = database;
    this.#onEnd = onEnd;
  }

  ack(): Promise<void> {
    const patient = this.#end();
    return this.#change((sql) => removeHeld(sql, this.#id, this.token), patient);
  }

  reject({ requeue }: { requeue: boolean }): Promise<void> {
    this.#end();
    return this.#change((sql) => (requeue ? releaseHeld : removeHeld)(sql, this.#id, this.token));
  }

  extend(seconds: number): Promise<void> {
    return this.#change((sql) => extendLease(sql, this.#id, this.token, Date.now() + seconds * 1000));
  }

  async begin(): Promise<number> {
    let begun = 0;
    await this.#change((sql) => {
      const counted = countBegun(sql, this.#id, this.token);
      begun = counted ?? 0;
      return counted !== undefined;
    });
    return begun;
  }

  /** Makes room for the next one in the very turn in which this one is given up: both then share a transaction. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    return this.#onEnd(this);
  }

  async #change(change: (sql: Sql) => boolean, patient = false): Promise<void> {
    // In one chain with the result that carries this token as its fence: an acknowledgement falls with it.
    const held = await translated(this.#database.write(change, { chain: this.token, patient }));
    if (held) return;
    this.#end();
    throw new LeaseLostError(`message ${this.#id} of queue ${this.queue} is not held by this consumer any more`);
  }
}
