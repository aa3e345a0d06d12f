import { hostname } from "node:os";
import type { QueueSpec, Route } from "./brokers/broker.js";
import { type ApplyOptions, type SendOptions, sendOptions, type TaskCall } from "./call.js";
import { type RunningTask, runningTask } from "./current-task.js";
import { DirectGateway } from "./direct-gateway.js";
import { EagerGateway } from "./eager-gateway.js";
import { BrokerConnectionError, ConfigurationError } from "./errors.js";
import type { Gateway } from "./gateway.js";
import { importMatching } from "./import-matching.js";
import { inputJsonSchema, type JsonSchema } from "./input-json-schema.js";
import {
  type Job,
  type JobDefinition,
  type JobOptions,
  type JobParameters,
  Jobs,
  type NamedJobOptions,
  type OpenJobOptions,
} from "./job.js";
import type { TransactionClient } from "./outbox/transaction-client.js";
import { prepareMessage } from "./prepare-message.js";
import type { Message } from "./protocol/message.js";
import type { Redact } from "./redaction.js";
import { AsyncResult, type ResultHome } from "./result.js";
import { Router } from "./routing.js";
import type { TaskRegistry } from "./run-task.js";
import { type LovageSettings, resolveSettings, type Settings } from "./settings.js";
import {
  type InputTask,
  type LocalInputTask,
  type LocalPositionalTask,
  type PositionalTask,
  type SchemaInput,
  type SchemaOutput,
  type TaskDefinition,
  type TaskHome,
  type TaskOptions,
  taskFunction,
  taskMethods,
} from "./task.js";
import { Transaction } from "./transaction.js";
import { TransactionSender } from "./transaction-sender.js";
import { sleep, systemClock } from "./util/clock.js";
import { newId } from "./util/ids.js";
import { type Logger, silentLogger } from "./util/logger.js";
import type { InputSchema } from "./validate-input.js";

const BRAND = Symbol.for("lovage.app");

/** Whether `value` is an app, of this or of another copy of the library. */
export function isLovage(value: unknown): value is Lovage {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Settings of an app, and where it logs. */
export interface LovageOptions extends LovageSettings {
  /** Where the library says what it does. @default nowhere; a worker logs by itself */
  readonly logger?: Logger;
  /**
   * Takes secrets of the program's own out of what the console keeps and shows of a task, beyond names such as `password` and
   * credentials in URLs, which it always masks. Applied once, before anything is stored.
   */
  readonly redact?: Redact;
}

type AnyFunction = (...args: never[]) => unknown;
/** A function that any arguments may be passed to: what tasks become once their types have been checked. */
type OpenFunction = (...args: readonly unknown[]) => unknown;

/**
 * An app: its settings, its tasks, and the way to send them. Opens nothing until something is sent or read;
 * `close()` ends what was opened, so that the process can end.
 */
export class Lovage implements TaskHome, ResultHome, TaskRegistry {
  readonly [BRAND] = true;
  readonly name: string;
  /** See `LovageOptions.redact`. */
  readonly redact: Redact | undefined;
  #logger: Logger;
  readonly #given: LovageSettings;
  #settings: Settings;
  #router: Router;
  readonly #tasks = new Map<string, TaskDefinition>();
  readonly #jobs: Jobs = new Jobs(this);
  readonly #inputSchemas = new Map<string, JsonSchema | undefined>();
  #gateway: Gateway | undefined;
  #transactions: TransactionSender | undefined;
  readonly #withoutPriorities = new Set<string>();
  readonly #origin = `gen${process.pid}@${hostname()}`;

  /** Throws a `ConfigurationError` that lists everything wrong with the settings. */
  constructor(name: string, options: LovageOptions = {}) {
    const { logger = silentLogger, redact, ...settings } = options;
    this.name = name;
    this.redact = redact;
    this.#given = settings;
    this.#settings = resolveSettings(settings);
    this.#logger = logger;
    this.#router = new Router(this.#settings);
  }

  /** All settings, with defaults and environment applied. */
  get settings(): Settings {
    return this.#settings;
  }
  get router(): Router {
    return this.#router;
  }
  get logger(): Logger {
    return this.#logger;
  }

  /** Where an app that was made without a logger says what it does, its connections included; one that was given stays. For before its first use. */
  logTo(logger: Logger): void {
    if (this.#logger === silentLogger) this.#logger = logger;
  }

  /**
   * Puts settings in place of those the app was made with: what the command line says goes before what the program says.
   * Throws a `ConfigurationError` as the constructor does, and when the app has been used already.
   */
  override(changes: LovageSettings): void {
    if (this.#gateway) {
      throw new ConfigurationError("the app has been used already: its settings can be changed before that only", {
        code: "app_in_use",
      });
    }
    this.#settings = resolveSettings({ ...this.#given, ...changes });
    this.#router = new Router(this.#settings);
  }

  /** Registers a function as the task `name`. Positional parameters travel as Celery's args. */
  task<F extends AnyFunction>(name: string, run: F): LocalPositionalTask<F>;
  task<F extends AnyFunction>(
    name: string,
    options: TaskOptions<ReturnType<F>> & { readonly input?: never },
    run: F,
  ): LocalPositionalTask<F>;
  /** Registers a function of one object, validated by `input`, as the task `name`. The object travels as Celery's kwargs. */
  task<S extends InputSchema, R>(
    name: string,
    options: TaskOptions<R> & { readonly input: S },
    run: (input: SchemaOutput<S>) => R,
  ): LocalInputTask<SchemaInput<S>, R>;
  task(
    name: string,
    ...rest: readonly [OpenFunction] | readonly [TaskOptions & { input?: InputSchema }, OpenFunction]
  ): unknown {
    const [{ input, ...options }, run] = rest.length === 1 ? [{ input: undefined }, rest[0]] : rest;
    if (this.#tasks.has(name)) {
      throw new ConfigurationError(`task ${JSON.stringify(name)} is registered already: names are unique in an app`, {
        code: "task_registered_twice",
      });
    }
    const definition: TaskDefinition = { name, options, input, run };
    this.#tasks.set(name, definition);
    const methods = taskMethods(this, { name, input, passes: input ? "kwargs" : "args" });
    return Object.defineProperties(taskFunction(definition), Object.getOwnPropertyDescriptors(methods));
  }

  /** A task that lives elsewhere, in Python or in another program. `passes: "kwargs"`: its one object travels as kwargs. */
  remote<F extends AnyFunction>(name: string): PositionalTask<Parameters<F>, Awaited<ReturnType<F>>>;
  remote<F extends (input: never) => unknown>(
    name: string,
    options: { readonly passes: "kwargs" },
  ): InputTask<Parameters<F>[0], Awaited<ReturnType<F>>>;
  remote(name: string, options: { readonly passes: "args" | "kwargs" } = { passes: "args" }): unknown {
    return taskMethods(this, { name, input: undefined, passes: options.passes });
  }

  /**
   * A job: a named, saved use of a task with its parameters, which the console shows with a Run button. `slug` names it there and on
   * its messages: small letters, digits and dashes. Throws a `ConfigurationError`: `bad_job`, `job_registered_twice`.
   */
  job<Input, Result, Fixed extends keyof Input = never, Defaulted extends Exclude<keyof Input, Fixed> = never>(
    slug: string,
    options: JobOptions<Input, Fixed, Defaulted, Result>,
  ): Job<JobParameters<Input, Fixed, Defaulted>, Result>;
  job(slug: string, options: NamedJobOptions): Job<Readonly<Record<string, unknown>>, unknown>;
  job(slug: string, options: OpenJobOptions): unknown {
    return this.#jobs.add(slug, options);
  }

  findJob(slug: string): JobDefinition | undefined {
    return this.#jobs.find(slug);
  }

  /** Slugs of the jobs registered here, sorted. */
  get jobSlugs(): readonly string[] {
    return this.#jobs.slugs;
  }

  /**
   * JSON Schema (2020-12) of a task's input: the task's own `jsonSchema`, or what its schema says of itself (zod from 4.2, arktype,
   * valibot by `@valibot/to-json-schema`). Undefined when it cannot tell, or the task is not registered here. Never throws.
   */
  inputSchema(taskName: string): JsonSchema | undefined {
    const task = this.#tasks.get(taskName);
    if (task && !this.#inputSchemas.has(taskName)) {
      this.#inputSchemas.set(taskName, inputJsonSchema(task, this.logger));
    }
    return this.#inputSchemas.get(taskName);
  }

  /** Sends a task known by name only. */
  async sendTask(
    name: string,
    args: readonly unknown[] = [],
    options: ApplyOptions & { readonly kwargs?: Readonly<Record<string, unknown>> } = {},
  ): Promise<AsyncResult<unknown>> {
    const { kwargs = {}, ...rest } = options;
    return await this.send({ name, args, kwargs, options: sendOptions(rest) });
  }

  /** The handle of a task that was sent earlier, by its id. */
  asyncResult<Result = unknown>(id: string): AsyncResult<Result> {
    return new AsyncResult<Result>(this, id);
  }

  /**
   * Sends tasks inside the transaction that is open on `client`, the program's own client of PostgreSQL: they exist if and only if it
   * commits. When the broker is that database, they are published there and then; otherwise, with `outboxUrl`, they are put into an
   * outbox beside, and a worker publishes them after the commit.
   *
   * Sending rejects with a `ConfigurationError` (`no_outbox`, `other_database`), or with what the client itself throws; the transaction
   * is of no use then. With `taskAlwaysEager` tasks run at once, whatever becomes of the transaction.
   */
  in(client: TransactionClient): Transaction {
    return new Transaction(this.inside(client), client);
  }

  /** For tasks and signatures: what sends inside the transaction that is open on `client`. */
  inside(client: TransactionClient): TaskHome {
    // A home inside another transaction: the innermost counts.
    const inside = (other: TransactionClient): TaskHome => this.inside(other);
    return { send: (call) => this.#sendInside(client, call), inside };
  }

  /** Sends a call. Resolves once the broker holds the message. */
  async send(call: TaskCall): Promise<AsyncResult<unknown>> {
    const { id, message, route, queue, sender } = this.#prepare(call);
    try {
      await this.gateway.send(message, route, queue);
    } catch (error) {
      await this.#tryAgain(error, () => this.gateway.send(message, route, queue), call.options);
    }
    sender?.children.push([[id, null], null]);
    return new AsyncResult<unknown>(this, id, call);
  }

  async #sendInside(client: TransactionClient, call: TaskCall): Promise<AsyncResult<unknown>> {
    if (this.settings.taskAlwaysEager) return await this.send(call);
    const { id, message, route, queue, sender } = this.#prepare(call);
    this.#transactions ??= new TransactionSender(this.settings, this.logger);
    await this.#transactions.send(client, { message, route, queue }, this.gateway);
    sender?.children.push([[id, null], null]);
    return new AsyncResult<unknown>(this, id, call);
  }

  #prepare(call: TaskCall): Prepared {
    const sender = runningTask();
    sender?.task.signal.throwIfAborted();
    const id = call.options.taskId ?? newId();
    const options = this.#tasks.get(call.name)?.options ?? NO_OPTIONS;
    const { route, queue } = this.router.destination(call.name, call.options, options);
    if (route.priority && queue) this.#warnOfLostPriority(queue);
    const { settings } = this;
    const { priority = 0 } = route;
    const source = { call, id, options, settings, sender, priority, origin: this.#origin, clock: systemClock };
    const { message, eta } = prepareMessage(source);
    return { id, message, route: eta ? { ...route, eta } : route, queue, sender };
  }

  /**
   * Imports the modules that `patterns` match, so that the tasks they register are known: as Celery finds each app's tasks.py.
   * Relative to `cwd`, by default the working directory; `node_modules` is left out. Returns the files, sorted.
   */
  async autodiscover(
    patterns: string | readonly string[],
    options: { readonly cwd?: string } = {},
  ): Promise<readonly string[]> {
    return await importMatching(patterns, options.cwd ?? process.cwd());
  }

  findTask(name: string): TaskDefinition | undefined {
    return this.#tasks.get(name);
  }

  /** Names of the tasks registered here, sorted. */
  get taskNames(): readonly string[] {
    return [...this.#tasks.keys()].sort();
  }

  /** The way out: the app's own broker and results, or in a pool's process or thread, the worker's. */
  get gateway(): Gateway {
    this.#gateway ??= this.settings.taskAlwaysEager
      ? this.#eagerGateway()
      : new DirectGateway(this.settings, this.logger);
    return this.#gateway;
  }

  /** The app's own broker and result backend, for workers, monitors and tools. Throws in a pool's process or thread, which has neither. */
  get direct(): DirectGateway {
    const { gateway } = this;
    if (gateway instanceof DirectGateway) return gateway;
    throw new ConfigurationError(
      "the broker cannot be reached from inside a task: only sending and reading results can",
      { code: "no_direct_gateway" },
    );
  }

  /** Replaces the way out. For the library's own pools. */
  useGateway(gateway: Gateway): void {
    this.#gateway = gateway;
  }

  /** Ends the connections this app opened. Idempotent; afterwards it opens new ones when it is used again. */
  async close(): Promise<void> {
    const gateway = this.#gateway;
    const transactions = this.#transactions;
    this.#gateway = undefined;
    this.#transactions = undefined;
    await transactions?.close();
    await gateway?.close();
  }

  #eagerGateway(): Gateway {
    return new EagerGateway({
      registry: this,
      send: (call) => this.send(call),
      propagates: this.settings.taskEagerPropagates,
      acceptContent: this.settings.acceptContent,
      clock: systemClock,
      logger: this.logger,
    });
  }

  /** Once for each queue: a priority there is no error, since queues are shared, but it does nothing. */
  #warnOfLostPriority({ name, maxPriority }: QueueSpec): void {
    if (maxPriority !== undefined || this.#withoutPriorities.has(name)) return;
    this.#withoutPriorities.add(name);
    this.logger.warn(`queue ${name} has no maxPriority: priorities are ignored on it`, { queue: name });
  }

  /** Celery's `retry_policy`: only a lost connection is worth another try. */
  async #tryAgain(first: unknown, publish: () => Promise<void>, asked: SendOptions): Promise<void> {
    const { taskPublishRetry, taskPublishRetryPolicy } = this.settings;
    const policy = { ...taskPublishRetryPolicy, ...asked.retryPolicy };
    let failure = first;
    for (let attempt = 0; ; attempt++) {
      const spent = policy.maxRetries !== null && attempt >= policy.maxRetries;
      if (!(asked.retry ?? taskPublishRetry) || spent || !(failure instanceof BrokerConnectionError)) throw failure;
      await sleep(Math.min(policy.intervalMax, policy.intervalStart + attempt * policy.intervalStep));
      try {
        return await publish();
      } catch (error) {
        failure = error;
      }
    }
  }
}

/** A call on its way. */
interface Prepared {
  readonly id: string;
  readonly message: Message;
  readonly route: Route;
  readonly queue: QueueSpec | undefined;
  /** The task that sends it, if one does. */
  readonly sender: RunningTask | undefined;
}

/** Shared, so that sending what is not registered here makes no object for it. */
const NO_OPTIONS: TaskOptions = Object.freeze({});
