import { BrokerConnectionError, type BrokerError } from "../../errors.js";
import type { Message } from "../../protocol/message.js";
import type { Route } from "../broker.js";
import { unroutable } from "../routing-table.js";
import { encodeEnvelope } from "./envelope.js";
import { listOf, textOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";
import { refusal } from "./translate.js";

interface Outgoing {
  readonly route: Route;
  readonly envelope: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Whether queues that others made have been looked for on its behalf. */
  searched: boolean;
}

export interface PublisherParts {
  readonly scripts: BrokerScripts;
  /** Names this connection's batches. */
  readonly connection: string;
  /** Whether a queue exists that only others know of; remembers it when it does. */
  readonly findQueue: (name: string) => Promise<boolean>;
  /** A message has been given an ETA. */
  readonly onScheduled: () => void;
}

/** Messages of one batch at most, and characters of their envelopes: so that no script holds the server for long. */
const BATCH_COUNT = 1000;
const BATCH_SIZE = 4 * 1024 * 1024;

/**
 * Publishes in batches: all messages of one turn of the event loop are one script call. A batch carries a number by which the server knows
 * whether it has had it, so that one whose answer was lost is sent again without harm.
 */
export class RedisPublisher {
  readonly #parts: PublisherParts;
  #outgoing: Outgoing[] = [];
  #flushing = false;
  #number = 0;
  readonly #inFlight = new Set<number>();
  /** Answered, so that the server need not remember them. */
  #retired: number[] = [];

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  publish(message: Message, route: Route): Promise<void> {
    // Now, so that what the caller does to its message afterwards does not matter.
    const envelope = encodeEnvelope(message, route, Date.now());
    return new Promise((resolve, reject) => {
      this.#add({ route, envelope, resolve, reject, searched: false });
    });
  }

  /** The connection broke: what is in flight may still reach the server by the old one, which must know it for as long as it can. */
  onLost(): void {
    this.#inFlight.clear();
  }

  #add(outgoing: Outgoing): void {
    this.#outgoing.push(outgoing);
    if (this.#flushing) return;
    this.#flushing = true;
    // Runs when all promises of this turn have settled: what they lead to joins the batch.
    process.nextTick(() => {
      this.#flushing = false;
      const outgoing = this.#outgoing;
      this.#outgoing = [];
      for (const batch of batches(outgoing)) void this.#send(batch);
    });
  }

  async #send(batch: readonly Outgoing[]): Promise<void> {
    const { scripts, connection } = this.#parts;
    const number = ++this.#number;
    this.#inFlight.add(number);
    const args = [connection, number, this.#retired.join(" "), ...runs(batch)];
    this.#retired = [];
    try {
      const failures = listOf(await scripts.run("publish", args, { idempotent: true }));
      if (this.#inFlight.delete(number)) this.#retired.push(number);
      this.#settle(batch, failures);
    } catch (error) {
      this.#inFlight.delete(number);
      const reason = error instanceof BrokerConnectionError ? unknownFate(error) : error;
      for (const { reject } of batch) reject(reason);
    }
  }

  #settle(batch: readonly Outgoing[], failures: readonly unknown[]): void {
    let failed: Map<number, string> | undefined;
    for (let at = 0; at < failures.length; at += 2) {
      failed ??= new Map();
      failed.set(Number(textOf(failures[at])), textOf(failures[at + 1]));
    }
    let scheduled = false;
    for (const [index, outgoing] of batch.entries()) {
      const what = failed?.get(index);
      if (what === undefined) outgoing.resolve();
      else void this.#fail(outgoing, what);
      if (outgoing.route.eta) scheduled = true;
    }
    if (scheduled) this.#parts.onScheduled();
  }

  async #fail(outgoing: Outgoing, what: string): Promise<void> {
    const { route, reject, searched } = outgoing;
    if (what !== "unroutable") return reject(refusal(what));
    if (searched || route.exchange !== "") return reject(unroutable(route));
    outgoing.searched = true;
    try {
      if (await this.#parts.findQueue(route.routingKey)) this.#add(outgoing);
      else reject(unroutable(route));
    } catch (error) {
      reject(error);
    }
  }
}

function unknownFate(error: BrokerError): BrokerConnectionError {
  return new BrokerConnectionError(`the message was not confirmed: ${error.message}`, { cause: error });
}

function* batches(outgoing: readonly Outgoing[]): Generator<readonly Outgoing[]> {
  let from = 0;
  let size = 0;
  for (const [index, { envelope }] of outgoing.entries()) {
    size += envelope.length;
    if (index > from && (index - from >= BATCH_COUNT || size > BATCH_SIZE)) {
      yield outgoing.slice(from, index);
      from = index;
      size = envelope.length;
    }
  }
  yield from === 0 ? outgoing : outgoing.slice(from);
}

/** The script's arguments: neighbours with one route make one run, so that the order of publication stays. */
function runs(batch: readonly Outgoing[]): (string | number)[] {
  const args: (string | number)[] = [];
  let last: Route | undefined;
  let countAt = 0;
  let count = 0;
  for (const { route, envelope } of batch) {
    if (last && isSame(last, route)) {
      args[countAt] = ++count;
    } else {
      const { exchange, routingKey, priority = 0, eta, mandatory = true } = route;
      args.push(exchange, routingKey, priority, eta ? eta.getTime() : "", mandatory ? 1 : 0, 1);
      countAt = args.length - 1;
      count = 1;
      last = route;
    }
    args.push(envelope);
  }
  return args;
}

function isSame(a: Route, b: Route): boolean {
  return (
    a.routingKey === b.routingKey &&
    a.exchange === b.exchange &&
    a.priority === b.priority &&
    a.eta?.getTime() === b.eta?.getTime() &&
    a.mandatory === b.mandatory
  );
}
