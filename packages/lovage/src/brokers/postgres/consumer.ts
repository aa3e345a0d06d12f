import type { PostgresDatabase } from "../../connections/postgres.js";
import { newId } from "../../util/ids.js";
import type { Logger } from "../../util/logger.js";
import type { ConsumeOptions, Consumer, Delivery } from "../broker.js";
import { PostgresDelivery } from "./delivery.js";
import { Floors } from "./floors.js";
import { type ClaimedRow, type MessageKinds, releaseUnheardText } from "./message-kinds.js";
import type { QueueRow, Topology } from "./topology.js";

export interface PostgresConsumerParts {
  readonly database: PostgresDatabase;
  readonly kinds: MessageKinds;
  readonly topology: Topology;
  /** By name: one that is deleted and declared again is another row, and still this consumer's. */
  readonly queues: readonly string[];
  readonly options: ConsumeOptions;
  readonly leaseSeconds: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Settles when others can see that this consumer is there, and what is due is ready. */
  readonly enter: (consumer: PostgresConsumer) => Promise<void>;
  /** Tells others whether this consumer wants to be notified. Settles when they can see it. */
  readonly announce: (consumer: PostgresConsumer) => Promise<void>;
  readonly withdraw: (consumer: PostgresConsumer) => Promise<void>;
  /** A message waits in a queue again. */
  readonly onRequeued: (queue: string) => void;
  /** So many messages were claimed. */
  readonly onClaimed: (count: number) => void;
  readonly logger: Logger;
}

/** Messages claimed by one statement at most, so that a large prefetch does not hold up others for long. */
const CLAIM_LIMIT = 500;
/** Milliseconds until a claim that failed is tried again. The commit has tried for long before it fails. */
const RETRY_MS = 250;
/** Milliseconds of claims that find all they ask for, after which nobody needs to notify this consumer for a while. */
const BUSY_MS = 1000;

/** Claims messages whenever it may hold more and there may be some: until a claim comes back with less than it asked for, and when it is woken. */
export class PostgresConsumer implements Consumer {
  readonly id = newId();
  readonly #parts: PostgresConsumerParts;
  #prefetch: number;
  readonly #held = new Set<PostgresDelivery>();
  #claiming = false;
  #claimQueued = false;
  #started = false;
  #cancelled = false;
  #failing = false;
  /** Whether there may be something to claim. */
  #hopeful = true;
  /** Something came while a claim was under way that may not have seen it. */
  #wokenMeanwhile = false;
  #wantsNotice = true;
  #busySinceMs: number | undefined;
  #nextQueue = 0;
  #lastToken = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #floors = new Floors();
  #wholeLook: NodeJS.Timeout | undefined;

  constructor(parts: PostgresConsumerParts) {
    this.#parts = parts;
    this.#prefetch = parts.options.prefetch;
  }

  get queues(): readonly QueueRow[] {
    return this.#parts.topology.rows(this.#parts.queues);
  }
  get isCancelled(): boolean {
    return this.#cancelled;
  }
  /** Whether it waits for messages, or will soon. */
  get wantsNotice(): boolean {
    return this.#wantsNotice;
  }
  /** Settles when others can see that it consumes. The first delivery comes after that. */
  async start(): Promise<void> {
    await this.#parts.enter(this);
    this.#started = true;
    this.wake();
  }

  get trouble(): string | undefined {
    if (this.#cancelled) return "its consumer was cancelled";
    return this.#failing ? "messages could not be claimed the last time: trying again" : undefined;
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count;
    this.#claimSoon();
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return;
    this.abandon();
    // A claim under way gives back what it gets. The row expires by itself if this fails.
    await this.#parts.withdraw(this).catch(() => undefined);
  }

  /** Gives back everything held. For the end of the connection. */
  async giveBack(): Promise<void> {
    // One that was lost meanwhile is somebody else's already.
    await Promise.allSettled([...this.#held].map((delivery) => delivery.reject({ requeue: true })));
  }

  /** Stops without a word to the server, as a process that dies does. */
  abandon(): void {
    this.#cancelled = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#wholeLook);
  }

  /** There may be something in its queues. `back`: it was there before, and may be ahead of what has been claimed since. */
  wake({ back = false }: { back?: boolean } = {}): void {
    if (back) this.#floors.reset();
    this.#hopeful = true;
    this.#wokenMeanwhile = this.#claiming;
    this.#claimSoon();
  }

  get #free(): number {
    return this.#prefetch === 0 ? CLAIM_LIMIT : Math.min(CLAIM_LIMIT, this.#prefetch - this.#held.size);
  }

  /** Once for all that happens in this turn of the event loop, and in the same transaction as its acknowledgements. */
  #claimSoon(): void {
    const may = this.#started && !this.#cancelled && !this.#claiming && !this.#claimQueued;
    if (!may || !this.#hopeful || this.#free <= 0) return;
    this.#claimQueued = true;
    queueMicrotask(() => {
      this.#claimQueued = false;
      void this.#claim();
    });
  }

  async #claim(): Promise<void> {
    const limit = this.#free;
    const queues = this.#inTurn(this.queues);
    if (this.#claiming || this.#cancelled || limit <= 0) return;
    if (queues.length === 0) {
      this.#hopeful = false;
      return;
    }
    this.#claiming = true;
    this.#wokenMeanwhile = false;
    const { database, kinds, leaseSeconds, onClaimed } = this.#parts;
    const { positions, whole } = this.#floors.of(queues);
    const startMs = performance.now();
    try {
      const queueIds = queues.map(({ id }) => id);
      const claim = { queueIds, floors: positions, limit, leaseSeconds, holder: this.id };
      const claimed = await database.write(kinds.claim, claim, { patient: this.#isBusy });
      this.#claiming = false;
      this.#failing = false;
      if (whole) this.#floors.wholeTook(performance.now() - startMs);
      const lastToken = this.#lastToken;
      onClaimed(claimed.rows.length);
      this.#deliver(claimed.rows, queues);
      if (claimed.again) this.#releaseUnheard(lastToken, claimed.rows);
      this.#goOn(claimed.rows.length === limit, whole);
    } catch (error) {
      this.#claiming = false;
      this.#retryLater(error);
    }
  }

  /** After a claim. One that found less than it asked for has seen the end of its queues. */
  #goOn(full: boolean, whole: boolean): void {
    this.#hopeful = full || this.#wokenMeanwhile;
    if (full) {
      const nowMs = performance.now();
      this.#busySinceMs ??= nowMs;
      if (this.#wantsNotice && nowMs - this.#busySinceMs > BUSY_MS) this.#setNotice(false);
    } else {
      this.#busySinceMs = undefined;
      if (!this.#wantsNotice) this.#setNotice(true);
      if (!whole) this.#lookAtWhole();
    }
    this.#claimSoon();
  }

  /** The end was reached from a floor: what may be below it is looked for in a while. */
  #lookAtWhole(): void {
    clearTimeout(this.#wholeLook);
    this.#wholeLook = setTimeout(() => this.wake(), this.#floors.wholeInMs).unref();
  }

  /** Looks once more after it has said that it waits: what came before that was notified to nobody. */
  #setNotice(wanted: boolean): void {
    this.#wantsNotice = wanted;
    this.#parts.announce(this).then(
      () => {
        if (wanted) this.wake();
      },
      (error: unknown) => this.#parts.logger.warn("a consumer could not tell that it waits", { error: String(error) }),
    );
  }

  /** The queues, each first in its turn, so that a full one does not starve the others. */
  #inTurn(queues: readonly QueueRow[]): readonly QueueRow[] {
    if (queues.length < 2) return queues;
    const first = this.#nextQueue++ % queues.length;
    return [...queues.slice(first), ...queues.slice(0, first)];
  }

  #deliver(claimed: readonly ClaimedRow[], queues: readonly QueueRow[]): void {
    const { database, kinds, onDelivery, onRequeued, logger } = this.#parts;
    const names = new Map(queues.map(({ id, name }) => [id, name]));
    const onEnd = (ended: PostgresDelivery): boolean => this.#release(ended);
    for (const row of claimed) {
      this.#lastToken = row.token;
      this.#floors.claimed(row.queueId, row.position);
      const queue = names.get(row.queueId) ?? "";
      const requeued = (): void => onRequeued(queue);
      const delivery = new PostgresDelivery({ claimed: row, queue, database, kinds, onEnd, onRequeued: requeued });
      this.#held.add(delivery);
      if (this.#cancelled) {
        // Lost already, or about to be: it comes back by itself.
        delivery.reject({ requeue: true }).catch(() => undefined);
        continue;
      }
      try {
        onDelivery(delivery);
      } catch (error) {
        logger.error("a delivery's receiver threw", { queue, error: String(error) });
      }
    }
  }

  /** What an earlier try of a claim has taken would stay held by nobody until its lease is over. */
  #releaseUnheard(lastToken: number, heard: readonly ClaimedRow[]): void {
    const { database, logger } = this.#parts;
    const values = [this.id, lastToken, heard.map(({ token }) => token)];
    database.query(releaseUnheardText(database.schema), values).then(
      ({ count }) => {
        if (count > 0) this.wake({ back: true });
      },
      (error: unknown) => logger.debug("messages come back with their leases", { error: String(error) }),
    );
  }

  #release(delivery: PostgresDelivery): boolean {
    this.#held.delete(delivery);
    this.#claimSoon();
    return this.#isBusy;
  }

  /**
   * While there is enough in hand, acknowledgements and claims can wait a moment and share a commit. A quarter is what a worker's slots
   * run at a time when its prefetch is Celery's four for each.
   */
  get #isBusy(): boolean {
    return this.#held.size > this.#prefetch / 4;
  }

  #retryLater(error: unknown): void {
    if (this.#cancelled) return;
    if (!this.#failing)
      this.#parts.logger.warn("could not claim messages: trying again until it works", { error: String(error) });
    this.#failing = true;
    this.#hopeful = true;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#claimSoon(), RETRY_MS);
  }
}
