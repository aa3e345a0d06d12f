import { type AmqpConnection, shareAmqp } from "../../connections/amqp.js";
import { AmqpPublisher } from "../../connections/amqp-publisher.js";
import type { Share } from "../../connections/connections.js";
import {
  BackendConnectionError,
  BackendError,
  BrokerConnectionError,
  BrokerError,
  ConfigurationError,
} from "../../errors.js";
import { isReady } from "../../protocol/states.js";
import { encodeTaskMeta, type GroupMeta, type TaskMeta } from "../../protocol/task-meta.js";
import { type Clock, systemClock } from "../../util/clock.js";
import { maskUrls } from "../../util/secrets.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { readStoredMeta } from "../stored-meta.js";
import { closedWhileWaiting, Waiters } from "../waiters.js";
import { KeptResults } from "./kept-results.js";
import { ReplyQueue } from "./reply-queue.js";

/** Seconds within which RabbitMQ takes a result or counts as away. */
const TIMEOUT = 10;
/** How long results wait for a process that has lost its connection; then its queue goes. */
const QUEUE_LIFETIME_MS = 600_000;

/** What there is while the backend is connected. */
interface Parts {
  readonly shares: readonly Share<AmqpConnection>[];
  readonly publisher: AmqpPublisher;
  readonly replies: ReplyQueue;
}

/**
 * Results as messages, straight to the process that sent the task: nothing is stored anywhere else. Celery's `rpc://`, in its format
 * (celery-protocol 5.5). A worker sends one message for each state to the queue that the task's message names in `reply_to`; the process that
 * sent the task keeps what comes: the newest of each, but no passing state after a ready one.
 *
 * What follows from it: only that process can read a result, until it ends; the run that reports last wins (nothing compares fences); there
 * are no groups and chords; results that were under way are lost with the broker.
 */
export class RpcBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities = {
    durable: false,
    shared: false,
    log: undefined,
    readers: "sender",
    fencing: false,
    groups: false,
    expiry: "removed",
  };
  readonly #options: BackendOptions;
  readonly #brokerUrl: string;
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #kept: KeptResults;
  readonly #waiters = new Waiters();
  #parts: Parts | undefined;
  #connecting: Promise<void> | undefined;
  #warned = false;
  #closed = false;

  /** Throws a `ConfigurationError` when the broker is not RabbitMQ, or when it is given options: it has none. */
  constructor(options: BackendOptions) {
    this.#options = options;
    this.#brokerUrl = checkedBrokerUrl(options);
    this.#lifetimeMs = options.resultExpires ? options.resultExpires * 1000 : Number.POSITIVE_INFINITY;
    this.#clock = options.clock ?? systemClock;
    this.#kept = new KeptResults(() => this.#warnOfDropped());
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
    this.#connecting ??= this.#connect(signal).catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    await translated(this.#connecting);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiters.rejectAll(closedWhileWaiting());
    await this.#connecting?.catch(() => undefined);
    const parts = this.#parts;
    this.#parts = undefined;
    if (!parts) return;
    await parts.publisher.close();
    await parts.replies.close();
    await Promise.all(parts.shares.map((share) => share.release()));
  }

  async replyAddress(): Promise<string> {
    const { replies } = this.#connected();
    await translated(replies.open());
    return replies.name;
  }

  /** Sends the state to `replyTo`. Returns false, and sends nothing, when the task's message named no such queue. */
  async store(meta: TaskMeta, { replyTo, correlationId }: StoreOptions = {}): Promise<boolean> {
    const { publisher } = this.#connected();
    const text = encodeTaskMeta(meta);
    if (!replyTo) return false;
    await translated(
      publisher.publish({
        exchange: "",
        routingKey: replyTo,
        body: Buffer.from(text),
        options: {
          contentType: "application/json",
          contentEncoding: "utf-8",
          headers: {},
          deliveryMode: 1,
          correlationId: correlationId || meta.taskId,
        },
        // Whoever sent the task may have ended since: then nobody wants to know.
        mandatory: false,
      }),
    );
    return true;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    const { replies } = this.#connected();
    if (replies.isOpen) await translated(replies.catchUp());
    const text = this.#kept.find(id, this.#nowMs());
    return text === undefined ? undefined : readStoredMeta(id, text);
  }

  async forget(id: string): Promise<void> {
    const { replies } = this.#connected();
    // What is on its way is forgotten too.
    if (replies.isOpen) await translated(replies.catchUp());
    this.#kept.remove(id);
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#connected();
    return await this.#waiters.wait(id, signal, async () => {
      const text = this.#kept.find(id, this.#nowMs());
      if (text !== undefined && hasEnded(id, text)) this.#waiters.settle(id, text);
    });
  }

  async saveGroup(group: GroupMeta): Promise<void> {
    this.#refuseWhenClosed();
    throw noGroups(`the group ${group.groupId} cannot be saved`);
  }
  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    this.#refuseWhenClosed();
    throw noGroups(`the group ${id} cannot be restored`);
  }
  async countChordPart(groupId: string, _partId: string): Promise<number> {
    this.#refuseWhenClosed();
    throw noGroups(`the parts of the chord ${groupId} cannot be counted`);
  }

  async removeExpired(now: Date): Promise<number> {
    this.#refuseWhenClosed();
    const replies = this.#parts?.replies;
    if (replies?.isOpen) await translated(replies.catchUp());
    return this.#kept.removeExpired(now.getTime());
  }

  async #connect(signal: AbortSignal | undefined): Promise<void> {
    const { connections, logger, brokerTransport: transport } = this.#options;
    const share = (role: "publish" | "consume"): Share<AmqpConnection> =>
      shareAmqp(connections, { url: this.#brokerUrl, transport, role, logger });
    const publishing = share("publish");
    const consuming = share("consume");
    const shares = [publishing, consuming];
    try {
      await Promise.all(shares.map(({ value }) => value.connect(signal)));
    } catch (error) {
      await Promise.all(shares.map((each) => each.release()));
      throw error;
    }
    const publisher = new AmqpPublisher(publishing.value, { name: "results", timeout: TIMEOUT });
    const replies = new ReplyQueue(consuming.value, publisher, {
      expiresMs: Math.max(1, Math.min(QUEUE_LIFETIME_MS, Math.round(this.#lifetimeMs))),
      timeout: TIMEOUT,
      onResult: (id, text) => this.#receive(id, text),
    });
    this.#parts = { shares, publisher, replies };
  }

  #receive(id: string, text: string | undefined): void {
    // A text that is no meta: whoever reads it is told so.
    const kept = text ?? "";
    const ended = hasEnded(id, kept);
    // A Python worker sends a retried task's message before the state RETRY: another one may have ended it by then.
    if (!ended && this.#hasSucceeded(id)) return;
    this.#kept.put(id, { text: kept, expiresMs: this.#nowMs() + this.#lifetimeMs });
    if (ended) this.#waiters.settle(id, kept);
  }

  #hasSucceeded(id: string): boolean {
    const text = this.#kept.find(id, this.#nowMs());
    return text !== undefined && statusIn(id, text) === "SUCCESS";
  }

  #warnOfDropped(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.logger.warn(
      "results that nobody has asked for are dropped: there are too many; send tasks with ignoreResult whose results are not wanted",
    );
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }

  #connected(): Parts {
    this.#refuseWhenClosed();
    if (!this.#parts) throw new BackendConnectionError("the result backend is not connected");
    return this.#parts;
  }
  #refuseWhenClosed(): void {
    if (this.#closed) throw new BackendError("the result backend was closed", { code: "backend_closed" });
  }
}

function checkedBrokerUrl({ url, brokerUrl, transport = {} }: BackendOptions): string {
  const [option] = [...Object.keys(transport), ...new URLSearchParams(/\?(.*)$/.exec(url)?.[1]).keys()];
  if (option !== undefined)
    throw new ConfigurationError(`the rpc result backend has no options, so not ${JSON.stringify(option)} either`, {
      code: "bad_url",
    });
  // The queues that results go to have properties of RabbitMQ's.
  if (brokerUrl === undefined || !/^amqps?:/i.test(brokerUrl))
    throw new ConfigurationError(
      `the rpc result backend sends results over RabbitMQ: the broker must be one (amqp://…), not ${brokerUrl === undefined ? "nothing" : maskUrls(brokerUrl)}`,
      { code: "rpc_needs_rabbitmq" },
    );
  return brokerUrl;
}

/** What is no meta ends the wait too: whoever waits is told so. */
function hasEnded(id: string, text: string): boolean {
  const status = statusIn(id, text);
  return status === undefined || isReady(status);
}

/** Undefined when the text is no meta. */
function statusIn(id: string, text: string): string | undefined {
  const [, status] = /^\{"status":\s*"([^"\\]*)"/.exec(text) ?? [];
  if (status !== undefined) return status;
  try {
    return readStoredMeta(id, text).status;
  } catch {
    return undefined;
  }
}

function noGroups(what: string): BackendError {
  return new BackendError(`${what}: the rpc result backend stores nothing that several processes could read`, {
    code: "no_groups",
  });
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof BrokerConnectionError) throw new BackendConnectionError(error.message, { cause: error });
    if (error instanceof BrokerError) throw new BackendError(error.message, { cause: error });
    throw error;
  }
}
