import type { Subscription } from "../brokers/broker.js";
import { collectReplies } from "../control/collect-replies.js";
import { type ControlRequest, decodeControlRequest, encodeControlReply, isAddressedTo } from "../protocol/control.js";
import type { Message } from "../protocol/message.js";
import { withDeadline } from "../util/deadline.js";
import type { Service } from "../util/service.js";
import { findCommand } from "./control-commands/all.js";
import { CommandArguments, CommandError, errorText, NO_REPLY } from "./control-commands/command.js";
import { addRevoked, revokedForOthers } from "./control-commands/lifecycle.js";
import type { Worker } from "./worker.js";

/** Seconds in which other workers may answer the `hello` of one that starts. Source: celery-protocol 10.1. */
const MINGLE_TIMEOUT = 1;
/** Seconds that a stop waits for answers under way. */
const STOP_TIMEOUT = 5;

/**
 * Answers remote control: hears every request that is broadcast, carries out those meant for this worker, and replies to who asked.
 * Whatever a request holds is an answer or a line in the log, never a crash. Source: celery-protocol 9.
 */
export class ControlListener implements Service {
  readonly #worker: Worker;
  readonly #answering = new Set<Promise<void>>();
  readonly #leaving = new AbortController();
  #subscription: Subscription | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  async start(): Promise<void> {
    if (this.#leaving.signal.aborted || this.#subscription) return;
    const { hostname, parts } = this.#worker;
    const receive = (message: Message): void => this.#receive(message);
    this.#subscription = await parts.broker.broadcast.subscribe("control", "", receive, { name: hostname });
    // In the background: a worker that starts alone must not wait a second for nobody.
    this.#background("mingle", this.#mingle());
  }

  /** Hears no further requests; resolves when those under way are answered. */
  async stop(): Promise<void> {
    this.#leaving.abort();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    await subscription?.cancel();
    const answered = Promise.allSettled(this.#answering);
    await withDeadline(answered, STOP_TIMEOUT, () => new Error("answers to remote control take too long")).catch(
      (error: unknown) => this.#worker.logger.warn("gave up waiting for remote control", { error: String(error) }),
    );
  }

  #receive(message: Message): void {
    const work = this.#handle(message).finally(() => this.#answering.delete(work));
    this.#answering.add(work);
  }

  async #handle(message: Message): Promise<void> {
    const { logger, lamport, hostname } = this.#worker;
    try {
      const request = decodeControlRequest(message);
      lamport.adjust(request.clock);
      if (!isAddressedTo(request, hostname)) return;
      logger.debug(`remote control: ${request.method}`);
      const answer = await this.#answer(request);
      if (answer !== NO_REPLY) await this.#reply(request, answer);
    } catch (error) {
      logger.warn("a remote control message could not be dealt with", { error: errorText(error) });
    }
  }

  /** What the requester is told; never throws. */
  async #answer({ method, arguments: given }: ControlRequest): Promise<unknown> {
    const { logger } = this.#worker;
    try {
      const command = findCommand(method);
      if (!command) throw new CommandError("KeyError", method);
      const args = new CommandArguments(given);
      args.require(method, command.required ?? []);
      const background = (what: string, work: Promise<unknown>): void => this.#background(what, work);
      return await command.run({ worker: this.#worker, args, background });
    } catch (error) {
      logger.error(`remote control: ${method} was refused`, { error: errorText(error) });
      return { error: errorText(error) };
    }
  }

  async #reply(request: ControlRequest, answer: unknown): Promise<void> {
    const { replyTo, ticket } = request;
    if (!replyTo) return;
    const { lamport, hostname, parts } = this.#worker;
    const reply = { hostname, value: answer, ticket, clock: lamport.forward() };
    await parts.broker.broadcast.publish("replies", replyTo.routing_key, encodeControlReply(reply));
  }

  /** Asks the other workers which tasks are revoked. Source: celery-protocol 10.1. */
  async #mingle(): Promise<void> {
    const worker = this.#worker;
    const { hostname, lamport, parts } = worker;
    const replies = await collectReplies(parts.broker.broadcast, {
      method: "hello",
      arguments: { from_node: hostname, revoked: revokedForOthers(worker) },
      lamport,
      timeout: MINGLE_TIMEOUT,
      signal: this.#leaving.signal,
    });
    if (this.#leaving.signal.aborted) return;
    for (const [node, reply] of replies) {
      if (node === hostname || typeof reply !== "object" || reply === null) continue;
      const clock: unknown = Reflect.get(reply, "clock");
      if (typeof clock === "number" && Number.isSafeInteger(clock)) lamport.adjust(clock);
      addRevoked(worker, Reflect.get(reply, "revoked"));
    }
  }

  #background(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (this.#leaving.signal.aborted) return;
      this.#worker.logger.error(`remote control: ${what} failed`, { error: errorText(error) });
    });
  }
}
