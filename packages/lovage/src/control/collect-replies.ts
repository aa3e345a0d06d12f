import type { Broadcast } from "../brokers/broker.js";
import { BrokerConnectionError } from "../errors.js";
import { decodeControlReply, encodeControlRequest, REPLY_EXCHANGE } from "../protocol/control.js";
import type { LamportClock } from "../protocol/events.js";
import type { Message } from "../protocol/message.js";
import { withDeadline } from "../util/deadline.js";
import { deferred } from "../util/deferred.js";
import { newId } from "../util/ids.js";

/** Which workers a request is for; all when nothing is given. */
export interface ControlTarget {
  /** Node names. */
  readonly destination?: readonly string[];
  /** Over node names, read as `matcher` says; only where `destination` is not given. */
  readonly pattern?: string;
  /** `glob` knows `*`, `?` and `[…]`; `pcre` is a regular expression that matches from the start. @default "glob" */
  readonly matcher?: "glob" | "pcre";
}

export interface ControlRequestOptions extends ControlTarget {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The sender's clock. @default none: the request carries 0 */
  readonly lamport?: LamportClock;
}

export interface CollectOptions extends ControlRequestOptions {
  /** Seconds to wait for replies. */
  readonly timeout: number;
  /** Replies after which nobody is waited for any longer. @default as many as `destination` has names */
  readonly limit?: number;
  /** Node names: when these have all replied, nobody is waited for any longer, though everybody the request is for was asked. */
  readonly expected?: readonly string[];
  /** Ends the wait with what has come so far. */
  readonly signal?: AbortSignal;
}

/** Seconds within which the broker must have taken a request. */
const SEND_TIMEOUT = 10;

/** Sends a request that nobody answers. Resolves when the broker has it. */
export async function sendControlRequest(broadcast: Broadcast, request: ControlRequestOptions): Promise<void> {
  await publish(broadcast, encodeControlRequest(fieldsOf(request)));
}

/**
 * Sends a request and gathers the replies, by node name in the order they came, until the timeout, the limit or the signal.
 * A reply is whatever the worker answered; replies to other requests and such as cannot be read are passed over.
 */
export async function collectReplies(
  broadcast: Broadcast,
  options: CollectOptions,
): Promise<ReadonlyMap<string, unknown>> {
  const { timeout, signal, lamport, expected = [] } = options;
  const limit = options.limit ?? (options.destination?.length || Number.POSITIVE_INFINITY);
  const replies = new Map<string, unknown>();
  const done = deferred();
  const ticket = newId();
  const mailbox = newId();
  const onReply = (message: Message): void => {
    for (const [node, value] of repliesIn(message, ticket, lamport)) replies.set(node, value);
    const haveAll = expected.length > 0 && expected.every((node) => replies.has(node));
    if (haveAll || replies.size >= limit) done.resolve();
  };
  const subscription = await withDeadline(broadcast.subscribe("replies", mailbox, onReply), SEND_TIMEOUT, tooSlow);
  const stop = (): void => done.resolve();
  const timer = setTimeout(stop, timeout * 1000);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const replyTo = { exchange: REPLY_EXCHANGE, routing_key: mailbox };
    await publish(broadcast, encodeControlRequest({ ...fieldsOf(options), ticket, replyTo }));
    if (!signal?.aborted) await done.promise;
    return replies;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    await subscription.cancel();
  }
}

function fieldsOf(request: ControlRequestOptions): Parameters<typeof encodeControlRequest>[0] {
  const { method, arguments: args, destination, pattern, matcher = "glob", lamport } = request;
  return {
    method,
    arguments: args,
    ...(destination && { destination }),
    ...(pattern !== undefined && { pattern, matcher }),
    ...(lamport && { clock: lamport.forward() }),
  };
}

function repliesIn(
  message: Message,
  ticket: string,
  lamport: LamportClock | undefined,
): readonly (readonly [string, unknown])[] {
  try {
    const reply = decodeControlReply(message);
    if (reply.ticket !== ticket) return [];
    lamport?.adjust(reply.clock);
    return [...reply.replies];
  } catch {
    // Garbage in the mailbox is not from a worker that follows the protocol: the others may still answer.
    return [];
  }
}

async function publish(broadcast: Broadcast, message: Message): Promise<void> {
  await withDeadline(broadcast.publish("control", "", message), SEND_TIMEOUT, tooSlow);
}

function tooSlow(): BrokerConnectionError {
  return new BrokerConnectionError(`the broker did not take a remote control request within ${SEND_TIMEOUT} s`);
}
