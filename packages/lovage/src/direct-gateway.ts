import { hostname } from "node:os";
import type { BackendOptions, ResultBackend } from "./backends/backend.js";
import { openBackend, repliesToSender } from "./backends/open-backend.js";
import type { Broker, QueueSpec, Route } from "./brokers/broker.js";
import { openBroker } from "./brokers/open-broker.js";
import { Connections } from "./connections/connections.js";
import { BrokerConnectionError, ConfigurationError } from "./errors.js";
import { EventSender } from "./event-sender.js";
import type { Gateway, TransactionPlace } from "./gateway.js";
import { transactionTarget } from "./outbox/transaction-target.js";
import { encodeControlRequest } from "./protocol/control.js";
import { LamportClock } from "./protocol/events.js";
import type { Message } from "./protocol/message.js";
import type { TaskMeta } from "./protocol/task-meta.js";
import { taskSentEvent } from "./protocol/task-sent.js";
import type { Settings } from "./settings.js";
import { systemClock } from "./util/clock.js";
import { withDeadline } from "./util/deadline.js";
import type { Logger } from "./util/logger.js";

/** Seconds: what a loop sends one by one is told of in few messages, and a monitor does not see the difference. */
const SENT_EVENT_PATIENCE = 0.02;

/**
 * The gateway of clients and workers: the app's own broker and result backend, opened at first use.
 * What every driver would repeat is here once: connect once, try again after a failed connect, refuse after close,
 * declare each queue once.
 */
export class DirectGateway implements Gateway {
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #connections = new Connections();
  #broker: Promise<Broker> | undefined;
  #backend: Promise<ResultBackend> | undefined;
  readonly #declared = new Map<string, Promise<void>>();
  /** What `send` need not ask for again. */
  #opened: Broker | undefined;
  readonly #ready = new Set<string>();
  /** Where results of tasks sent from here come to, if the backend needs to be told. */
  #replyTo: string | undefined;
  #databaseId: Promise<string> | undefined;
  #events: EventSender | undefined;
  #closed = false;

  constructor(settings: Settings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
  }

  /** The connected broker. */
  broker(): Promise<Broker> {
    this.#refuseWhenClosed();
    this.#broker ??= this.#openBroker().catch((error: unknown) => {
      this.#broker = undefined;
      throw error;
    });
    return this.#broker;
  }

  /** The connected result backend. Throws a `ConfigurationError` when results are off. */
  backend(): Promise<ResultBackend> {
    this.#refuseWhenClosed();
    this.#backend ??= this.#openBackend().catch((error: unknown) => {
      this.#backend = undefined;
      throw error;
    });
    return this.#backend;
  }

  /** Once the broker is open and the queue declared, one call of the driver and nothing around it: this is the hot path. */
  send(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void> {
    const broker = this.#opened;
    if (!broker || (queue && !this.#ready.has(queue.name))) return this.#prepareAndSend(message, route, queue);
    const addressed = this.#replyTo === undefined ? message : withReplyTo(message, this.#replyTo);
    const published = broker.publish(addressed, route);
    return this.#settings.taskSendSentEvent
      ? published.then(() => this.#tellSent(broker, addressed, route, queue))
      : published;
  }

  /** What has to be there first counts towards the deadline: a broker that is away must not make the first publish take longer than others. */
  async #prepareAndSend(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void> {
    const { publishTimeout } = this.#settings;
    const expired = new BrokerConnectionError(`the broker could not be reached within ${publishTimeout} s`);
    let late = false;
    const sent = this.#prepare(queue).then(async () => {
      // Refused is refused, as long as that can be helped.
      if (!late) await this.send(message, route, queue);
    });
    await withDeadline(sent, publishTimeout, () => {
      late = true;
      return expired;
    });
  }

  async #prepare(queue: QueueSpec | undefined): Promise<void> {
    const broker = await this.broker();
    // Before the first task: its result may come at once.
    await this.#findReplyAddress();
    this.#opened = broker;
    if (!queue) return;
    await this.declare(queue);
    this.#ready.add(queue.name);
  }

  /** Publishes what somebody else sent, and tells monitors of it as of a task sent from here. Its queue must be declared. */
  async relay(message: Message, route: Route, queue: QueueSpec | undefined): Promise<void> {
    const broker = await this.broker();
    await broker.publish(message, route);
    if (this.#settings.taskSendSentEvent) this.#tellSent(broker, message, route, queue);
  }

  async prepareTransaction(queue: QueueSpec | undefined): Promise<TransactionPlace> {
    const target = transactionTarget(this.#settings);
    // What goes through an outbox is declared by who relays it.
    if (target.kind === "broker" && queue) await this.declare(queue);
    await this.#findReplyAddress();
    this.#databaseId ??= this.#readDatabaseId().catch((error: unknown) => {
      this.#databaseId = undefined;
      throw error;
    });
    return { databaseId: await this.#databaseId, replyTo: this.#replyTo ?? null };
  }

  async #readDatabaseId(): Promise<string> {
    const { readDatabaseId } = await import("./outbox/database-id.js");
    const { url, transport } = transactionTarget(this.#settings);
    return await readDatabaseId({ url, transport, connections: this.#connections, logger: this.#logger });
  }

  async #findReplyAddress(): Promise<void> {
    const { resultBackend } = this.#settings;
    if (resultBackend !== null && repliesToSender(resultBackend))
      this.#replyTo ??= await (await this.backend()).replyAddress?.();
  }

  /** Declares a queue, once in this gateway's life. */
  declare(queue: QueueSpec): Promise<void> {
    let declared = this.#declared.get(queue.name);
    if (!declared) {
      declared = this.broker()
        .then((broker) => broker.declare(queue))
        .catch((error: unknown) => {
          this.#declared.delete(queue.name);
          throw error;
        });
      this.#declared.set(queue.name, declared);
    }
    return declared;
  }

  async getResult(id: string): Promise<TaskMeta | undefined> {
    return await (await this.backend()).get(id);
  }
  async waitResult(id: string, signal: AbortSignal): Promise<TaskMeta> {
    return await (await this.backend()).wait(id, signal);
  }
  async storeResult(meta: TaskMeta): Promise<void> {
    await (await this.backend()).store(meta);
  }
  async forgetResult(id: string): Promise<void> {
    await (await this.backend()).forget(id);
  }

  async control(method: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    const broker = await this.broker();
    await broker.broadcast.publish("control", "", encodeControlRequest({ method, arguments: args }));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#opened = undefined;
    await this.#events?.settled();
    // One that never opened has nothing to close.
    const opened = await Promise.allSettled([this.#broker, this.#backend]);
    for (const each of opened) if (each.status === "fulfilled") await each.value?.close();
  }

  async #openBroker(): Promise<Broker> {
    const { brokerUrl, brokerLeaseSeconds, brokerTransportOptions, publishTimeout } = this.#settings;
    const broker = await openBroker({
      url: brokerUrl,
      leaseSeconds: brokerLeaseSeconds,
      publishTimeout,
      transport: brokerTransportOptions,
      responseTimeout: this.#settings.redisSocketTimeout ?? undefined,
      connections: this.#connections,
      logger: this.#logger,
    });
    await broker.connect();
    return broker;
  }

  async #openBackend(): Promise<ResultBackend> {
    const { resultBackend, resultBackendTransportOptions, resultExpires, brokerUrl, brokerTransportOptions } =
      this.#settings;
    if (resultBackend === null) {
      throw new ConfigurationError(
        "results are off: set resultBackend, for example to the brokerUrl, to keep and read them",
        {
          code: "no_result_backend",
        },
      );
    }
    const options: BackendOptions = {
      url: resultBackend,
      resultExpires,
      transport: resultBackendTransportOptions,
      responseTimeout: this.#settings.redisSocketTimeout ?? undefined,
      brokerUrl,
      brokerTransport: brokerTransportOptions,
      connections: this.#connections,
      logger: this.#logger,
    };
    const backend = await openBackend(options);
    await backend.connect();
    return backend;
  }

  /** Not waited for, and no error when it fails: the task is on its way, and monitors must not hold it up. */
  #tellSent(broker: Broker, message: Message, route: Route, queue: QueueSpec | undefined): void {
    const event = taskSentEvent(message, route, queue?.name);
    if (!event) return;
    this.#events ??= new EventSender({
      broadcast: broker.broadcast,
      hostname: `gen${process.pid}@${hostname()}`,
      lamport: new LamportClock(),
      clock: systemClock,
      logger: this.#logger,
      taskEvents: true,
      patience: SENT_EVENT_PATIENCE,
    });
    this.#events.send(event.fields, event.origin);
  }

  #refuseWhenClosed(): void {
    if (this.#closed)
      throw new ConfigurationError("the app was closed: make a new one to go on", { code: "app_closed" });
  }
}

/** One that asks for its result elsewhere keeps its wish. */
export function withReplyTo(message: Message, replyTo: string): Message {
  return message.properties.reply_to
    ? message
    : { ...message, properties: { ...message.properties, reply_to: replyTo } };
}
