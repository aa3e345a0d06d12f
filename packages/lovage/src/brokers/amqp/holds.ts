import type { ClientChannel } from "../../connections/amqp-client.js";
import { LeaseLostError } from "../../errors.js";
import { type Deferred, deferred } from "../../util/deferred.js";

interface Hold {
  readonly queue: string;
  lost: boolean;
}

/**
 * The deliveries held on one channel, by their tags. Acknowledgements of one turn of the event loop go out together, and those of
 * the oldest deliveries as one frame. When the channel is gone so are the holds: the broker gives the messages to others.
 */
export class Holds {
  readonly #channel: ClientChannel;
  readonly #ping: (channel: ClientChannel) => Promise<unknown>;
  /** Ascending: tags are numbered in the order of delivery. */
  readonly #open = new Map<number, Hold>();
  readonly #acked = new Set<number>();
  readonly #rejected = new Map<number, boolean>();
  #flush: Deferred<void> | undefined;
  #lost: string | undefined;
  #pinging: Promise<void> | undefined;
  /** Given back, and not answered yet. */
  readonly #returning = new Set<Promise<void>>();

  /** @param ping something harmless that the channel answers, after all that went before */
  constructor(channel: ClientChannel, ping: (channel: ClientChannel) => Promise<unknown>) {
    this.#channel = channel;
    this.#ping = ping;
  }

  get size(): number {
    return this.#open.size;
  }

  add(tag: number, queue: string): void {
    this.#open.set(tag, { queue, lost: false });
  }

  /** Resolves when it is on its way to the broker. Rejects with `LeaseLostError` when it is not held any more. */
  ack(tag: number): Promise<void> {
    const refused = this.#end(tag);
    if (refused) return Promise.reject(refused);
    this.#acked.add(tag);
    return this.#flushed();
  }

  /** Resolves when the broker has it back. Rejects with `LeaseLostError` when it is not held any more. */
  reject(tag: number, requeue: boolean): Promise<void> {
    const refused = this.#end(tag);
    if (refused) return Promise.reject(refused);
    this.#rejected.set(tag, requeue);
    return this.#flushed();
  }

  /** Rejects with `LeaseLostError` when it is not held any more. Asks the broker, once for all who ask at the same time. */
  async confirm(tag: number): Promise<void> {
    this.mustHold(tag);
    this.#pinging ??= this.#ping(this.#channel).then(
      () => {
        this.#pinging = undefined;
      },
      () => {
        this.#pinging = undefined;
      },
    );
    await this.#pinging;
    this.mustHold(tag);
  }

  mustHold(tag: number): void {
    const hold = this.#open.get(tag);
    if (this.#lost !== undefined || !hold || hold.lost || this.#ending(tag)) throw this.#notHeld();
  }

  /** The broker has dropped a queue with its messages. */
  loseQueue(queue: string): void {
    for (const hold of this.#open.values()) if (hold.queue === queue) hold.lost = true;
  }

  /** The channel is gone. */
  lose(why: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = why;
    this.#open.clear();
    this.#acked.clear();
    this.#rejected.clear();
    this.#flush?.reject(this.#notHeld());
    this.#flush = undefined;
  }

  /** Everything goes back to its queue, at the place where it was. */
  giveBack(): void {
    this.flush();
    if (this.#lost !== undefined) return;
    if (this.#open.size > 0) attempt(() => this.#channel.nackAll(true));
    this.lose("it was given back when the connection was closed");
  }

  /** Resolves when the broker was told of all that was ended. */
  async told(): Promise<void> {
    this.flush();
    await Promise.allSettled([...this.#returning]);
  }

  /** Sends what was ended in this turn. */
  flush(): void {
    const flush = this.#flush;
    if (!flush) return;
    this.#flush = undefined;
    const givesBack = this.#rejected.size > 0;
    const sent = attempt(() => {
      this.#sendRejected();
      this.#sendAcked();
    });
    if (!sent) flush.reject(this.#notHeld());
    else if (!givesBack) flush.resolve();
    else this.#awaitReturn(flush);
  }

  #awaitReturn(flush: Deferred<void>): void {
    const returned = this.#ping(this.#channel).then(
      () => flush.resolve(),
      () => flush.reject(this.#notHeld()),
    );
    this.#returning.add(returned);
    void returned.then(() => this.#returning.delete(returned));
  }

  #end(tag: number): LeaseLostError | undefined {
    const hold = this.#open.get(tag);
    if (this.#lost !== undefined || !hold || this.#ending(tag)) return this.#notHeld();
    if (!hold.lost) return undefined;
    // The broker must still be told, or it counts against the prefetch.
    this.#open.delete(tag);
    attempt(() => this.#channel.ack(tagged(tag), false));
    return this.#notHeld();
  }

  #ending(tag: number): boolean {
    return this.#acked.has(tag) || this.#rejected.has(tag);
  }

  #flushed(): Promise<void> {
    if (!this.#flush) {
      this.#flush = deferred();
      // Each who waits hears of it; nobody has to.
      this.#flush.promise.catch(() => undefined);
      setImmediate(() => this.flush());
    }
    return this.#flush.promise;
  }

  #sendRejected(): void {
    for (const [tag, requeue] of this.#rejected) {
      this.#open.delete(tag);
      this.#channel.reject(tagged(tag), requeue);
    }
    this.#rejected.clear();
  }

  #sendAcked(): void {
    let upTo: number | undefined;
    for (const tag of this.#open.keys()) {
      if (!this.#acked.delete(tag)) break;
      this.#open.delete(tag);
      upTo = tag;
    }
    if (upTo !== undefined) this.#channel.ack(tagged(upTo), true);
    for (const tag of this.#acked) {
      this.#open.delete(tag);
      this.#channel.ack(tagged(tag), false);
    }
    this.#acked.clear();
  }

  #notHeld(): LeaseLostError {
    return new LeaseLostError(
      `the message is not held by this consumer any more: ${this.#lost ?? "it was ended, or its queue deleted"}`,
    );
  }
}

function tagged(deliveryTag: number): { readonly fields: { readonly deliveryTag: number } } {
  return { fields: { deliveryTag } };
}

/** Whether it went; what fails does so because the channel is closing, and that is told by itself. */
function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
