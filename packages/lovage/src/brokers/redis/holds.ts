import { setImmediate as nextTurn } from "node:timers/promises";
import { BrokerConnectionError, BrokerError } from "../../errors.js";
import type { Logger } from "../../util/logger.js";
import { textOf, textsOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";

/** See scripts/settle.ts. */
export type ChangeKind = "done" | "back" | "hold" | "begin" | "mend";

interface Change {
  readonly kind: ChangeKind;
  readonly tag: string;
  readonly value: string | number;
  /** Monotonic milliseconds until the caller is answered. */
  readonly deadlineMs: number;
  readonly resolve: (result: number) => void;
  readonly reject: (error: unknown) => void;
}

export interface HoldsParts {
  readonly scripts: BrokerScripts;
  /** Names this connection in the tags of what it holds. */
  readonly connection: string;
  /** Seconds within which a change is answered or rejects. */
  readonly timeout: number;
  readonly logger: Logger;
}

const BATCH_COUNT = 500;
/** Seconds a batch is tried for, once its callers have been told that it failed. */
const RETRY_SECONDS = 1;

/**
 * What this connection holds, and the changes to it: acknowledgements, renewals and the like. They go in batches, one at a time, each with
 * a number, so that a batch whose answer was lost is sent again without harm. A change that could not be made in time is rejected,
 * and made all the same when the server is back: a task that was done must not be done again.
 */
export class RedisHolds {
  readonly connection: string;
  readonly #parts: HoldsParts;
  readonly #tags = new Set<string>();
  #changes: Change[] = [];
  #working = false;
  #number = 0;
  /** How often the connection was made anew. */
  #epoch = 0;
  #stopped = false;
  #abandoned = false;

  constructor(parts: HoldsParts) {
    this.#parts = parts;
    this.connection = parts.connection;
  }

  get isEmpty(): boolean {
    return this.#tags.size === 0;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** A message was taken under this tag. */
  add(tag: string): void {
    this.#tags.add(tag);
  }

  /** Resolves with the script's number for it, 0 when the message is not held any more. */
  change(kind: ChangeKind, tag: string, value: string | number = ""): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#abandoned)
        return reject(new BrokerError("the broker connection was closed", { code: "broker_closed" }));
      const deadlineMs = performance.now() + this.#parts.timeout * 1000;
      this.#changes.push({ kind, tag, value, deadlineMs, resolve, reject });
      if (this.#working) return;
      this.#working = true;
      process.nextTick(() => void this.#work());
    });
  }

  /** Gives back everything. For the end of the connection. */
  async giveBack(): Promise<void> {
    await Promise.allSettled([...this.#tags].map((tag) => this.change("back", tag)));
  }

  /** Ends as a process that dies: nothing is changed any more. For the contract suite. */
  abandon(): void {
    this.#abandoned = true;
    this.#stopped = true;
  }

  /** No change is tried any longer. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * The connection is there again. What it took while it broke arrived nowhere: that goes back at once, rather than at the end of its
   * lease, and takes that are still on their way have no effect.
   */
  async reconcile(): Promise<void> {
    this.#epoch++;
    const held = textsOf(await this.#parts.scripts.run("held", [this.connection, this.#epoch], { idempotent: true }));
    // Answers that came before this one are noted by then.
    await nextTurn();
    const strays = held.filter((tag) => !this.#tags.has(tag));
    if (strays.length > 0)
      this.#parts.logger.info("gave back messages whose delivery was cut off", { count: strays.length });
    await Promise.all(strays.map((tag) => this.change("back", tag)));
  }

  async #work(): Promise<void> {
    while (this.#changes.length > 0) {
      const batch = this.#changes.splice(0, BATCH_COUNT);
      await this.#send(batch, ++this.#number);
    }
    this.#working = false;
  }

  async #send(batch: readonly Change[], number: number): Promise<void> {
    const { scripts, timeout, logger } = this.#parts;
    const args = argumentsOf(batch);
    args.unshift(this.connection, number);
    for (let attempt = 0; ; attempt++) {
      try {
        const options = { idempotent: true, timeout: attempt === 0 ? timeout : RETRY_SECONDS };
        this.#settle(batch, textOf(await scripts.run("settle", args, options)));
        return;
      } catch (error) {
        for (const { reject } of batch) reject(error);
        if (!(error instanceof BrokerConnectionError)) return;
        if (attempt === 0)
          logger.warn("changes to messages were not confirmed: trying on", {
            count: batch.length,
            error: error.message,
          });
        if (this.#stopped) return this.#refuse(error, Number.POSITIVE_INFINITY);
        this.#refuse(error, performance.now());
        // A refusal comes at once, unlike the end of a wait.
        await new Promise((later) => setTimeout(later, 100).unref());
      }
    }
  }

  /** Tells those who have waited behind it for too long. */
  #refuse(error: unknown, nowMs: number): void {
    for (const { deadlineMs, reject } of this.#changes) if (deadlineMs <= nowMs) reject(error);
  }

  #settle(batch: readonly Change[], reply: string): void {
    const [done = "", others = ""] = reply.split("|");
    const doneResults = done === "*" ? undefined : done.split(",");
    const otherResults = others.split(",");
    let doneAt = 0;
    let otherAt = 0;
    for (const { kind, tag, resolve } of batch) {
      const isDone = kind === "done";
      const result = isDone ? Number(doneResults?.[doneAt++] ?? 1) : Number(otherResults[otherAt++] ?? 0);
      if (isDone || kind === "back" || result === 0) this.#tags.delete(tag);
      resolve(result);
    }
  }
}

/** See scripts/settle.ts. */
function argumentsOf(batch: readonly Change[]): (string | number)[] {
  const done: (string | number)[] = [];
  const others: (string | number)[] = [];
  for (const { kind, tag, value } of batch) {
    if (kind === "done") done.push(tag);
    else others.push(kind, tag, value);
  }
  return [done.length, ...done, ...others];
}
