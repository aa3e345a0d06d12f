import { RedisError, type RedisServer } from "../../connections/redis.js";
import { type Deferred, deferred } from "../../util/deferred.js";
import { STORE_RESULTS } from "./store-results.js";

export interface StoreRequest {
  readonly key: string;
  /** With its fence behind it. */
  readonly text: string;
  readonly fence: number | undefined;
}

interface Pending extends StoreRequest, Deferred<boolean> {
  /** Monotonic milliseconds. */
  readonly deadlineMs: number;
  /** An earlier try may have been carried out: the same text, found stored, is ours. */
  again: boolean;
}

/** A script holds the server up for everybody: so much at once, no more. */
const BATCH_RESULTS = 100;
const BATCH_CHARACTERS = 500_000;

/** Stores a turn's results in one command, and again when their connection breaks, until their deadline. */
export class StoreQueue {
  readonly #server: RedisServer;
  readonly #lifetimeMs: number;
  #pending: Pending[] = [];
  #flush: NodeJS.Immediate | undefined;
  readonly #underWay = new Set<Promise<void>>();

  /** @param lifetimeMs how long results are kept; 0 for ever */
  constructor(server: RedisServer, lifetimeMs: number) {
    this.#server = server;
    this.#lifetimeMs = lifetimeMs;
  }

  /** Resolves with whether it was kept. Rejects with a `RedisError`. */
  store({ key, text, fence }: StoreRequest): Promise<boolean> {
    const deadlineMs = performance.now() + this.#server.socketTimeout * 1000;
    const { promise, resolve, reject } = deferred<boolean>();
    this.#pending.push({ key, text, fence, promise, resolve, reject, deadlineMs, again: false });
    this.#flush ??= setImmediate(() => this.#send());
    return promise;
  }

  /** Settles when everything asked for so far is settled. */
  async drain(): Promise<void> {
    if (this.#pending.length > 0) this.#send();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #send(): void {
    if (this.#flush) clearImmediate(this.#flush);
    this.#flush = undefined;
    const pending = this.#pending;
    this.#pending = [];
    for (let at = 0; at < pending.length; ) {
      const batch = takeBatch(pending, at);
      at += batch.length;
      const work = this.#sendBatch(batch).finally(() => this.#underWay.delete(work));
      this.#underWay.add(work);
    }
  }

  async #sendBatch(batch: readonly Pending[]): Promise<void> {
    let left: readonly Pending[] = batch;
    while (left.length > 0) {
      try {
        await this.#tryBatch(left);
        return;
      } catch (error) {
        if (!(error instanceof RedisError) || error.kind !== "lost" || this.#server.isClosed) {
          for (const each of left) each.reject(error);
          return;
        }
        for (const each of left) each.again ||= !error.unsent;
        const nowMs = performance.now();
        for (const each of left) if (each.deadlineMs <= nowMs) each.reject(error);
        left = left.filter(({ deadlineMs }) => deadlineMs > nowMs);
      }
    }
  }

  async #tryBatch(batch: readonly Pending[]): Promise<void> {
    const args = batch.flatMap(({ text, fence, again }) => [text, fence ?? "", again ? "1" : ""]);
    const earliestMs = Math.min(...batch.map(({ deadlineMs }) => deadlineMs));
    const timeout = Math.max(0.001, (earliestMs - performance.now()) / 1000);
    const keys = batch.map(({ key }) => key);
    const replies = await this.#server.run(STORE_RESULTS, keys, [this.#lifetimeMs, ...args], { timeout, prompt: true });
    for (const [index, pending] of batch.entries()) {
      const reply: unknown = Array.isArray(replies) ? replies[index] : undefined;
      if (reply === 1 || reply === 0) pending.resolve(reply === 1);
      else pending.reject(refusal(pending.key, reply));
    }
  }
}

/** From `at` on, at least one. */
function takeBatch(pending: readonly Pending[], at: number): readonly Pending[] {
  let characters = 0;
  let end = at;
  while (end < pending.length && end - at < BATCH_RESULTS) {
    characters += pending[end]?.text.length ?? 0;
    if (end > at && characters > BATCH_CHARACTERS) break;
    end++;
  }
  return pending.slice(at, end);
}

/** What a key alone was refused for. Before Redis 7 the script's name stands in front of the server's words. */
function refusal(key: string, reply: unknown): RedisError {
  const message = String(reply);
  const code = /(?:^|\s|-)([A-Z]{3,}) /.exec(message)?.[1];
  return new RedisError(`Redis refused to store ${key}: ${message}`, { kind: "refused", code });
}
