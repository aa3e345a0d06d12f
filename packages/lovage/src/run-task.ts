import { type CurrentTask, type RunningTask, runAs } from "./current-task.js";
import {
  Ignore,
  MaxRetriesExceededError,
  NotRegistered,
  Reject,
  Retry,
  type RetryOptions,
  ValidationError,
} from "./errors.js";
import { decodeJson, type EncodeJsonOptions, encodeJson } from "./protocol/content.js";
import { readCounters } from "./protocol/event-facts.js";
import { exceptionInfo, tracebackOf } from "./protocol/exception.js";
import { parseInstant } from "./protocol/instant.js";
import type { ResultTuple } from "./protocol/task-meta.js";
import type { RaisedError, RequestBody, RunOutcome, TaskRequest } from "./request.js";
import type { Settings } from "./settings.js";
import type { ErrorMatcher, TaskDefinition, TaskOptions } from "./task.js";
import { backoffDelay } from "./util/backoff.js";
import { systemClock } from "./util/clock.js";
import type { Logger, LogLevel } from "./util/logger.js";
import { validateInput } from "./validate-input.js";

/** A line a task logged. Plain data. */
export interface TaskLogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Unix milliseconds. */
  readonly atMs: number;
}
export interface TaskProgress {
  readonly current: number;
  readonly total: number | null;
  readonly message: string | null;
  /** What the task counts, by name: finite numbers. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Hears what a task says while it runs. */
export interface RunReporter {
  onLog(record: TaskLogRecord): void;
  onProgress(progress: TaskProgress): void;
  /** A custom state the task gave itself; its meta as JSON text. */
  onState(state: string, metaJson: string): void;
}

export interface Execution {
  /** Aborts with `SoftTimeLimitExceeded` at the soft limit, with `TaskRevokedError` when the task is asked to stop. */
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
}

/** Where tasks are looked up. */
export interface TaskRegistry {
  /** How values are written; the app's. */
  readonly settings: Pick<Settings, "taskTypedValues">;
  findTask(name: string): TaskDefinition | undefined;
}

/**
 * Runs one request where the code is: in a pool's process or thread, or in the caller when tasks are eager.
 * Never rejects: whatever the task does becomes an outcome, plain data that can cross to the worker.
 */
export async function runTask(registry: TaskRegistry, request: TaskRequest, execution: Execution): Promise<RunOutcome> {
  const started = systemClock.monotonic();
  const children: ResultTuple[] = [];
  const ending = await attempt(registry, request, execution, children);
  return { ...ending, children, runtime: systemClock.monotonic() - started };
}

type Ending =
  | { readonly kind: "success"; readonly result: string }
  | { readonly kind: "failure"; readonly error: RaisedError }
  | { readonly kind: "retry"; readonly plan: { readonly eta: string }; readonly error: RaisedError }
  | { readonly kind: "ignore" }
  | { readonly kind: "reject"; readonly requeue: boolean; readonly reason: string };

async function attempt(
  registry: TaskRegistry,
  request: TaskRequest,
  execution: Execution,
  children: ResultTuple[],
): Promise<Ending> {
  const definition = registry.findTask(request.name);
  if (!definition) return { kind: "failure", error: raised(new NotRegistered(request.name)) };
  let given: Given;
  try {
    given = decodeArguments(request.body);
  } catch (error) {
    return { kind: "failure", error: raised(error) };
  }
  const writes = { typedValues: registry.settings.taskTypedValues };
  const task = taskInHand(request, given, definition.options, execution, writes);
  const running: RunningTask = { task, children };
  return await runAs(running, () => perform(definition, given, task, writes));
}

async function perform(
  definition: TaskDefinition,
  given: Given,
  task: CurrentTask,
  writes: EncodeJsonOptions,
): Promise<Ending> {
  try {
    const value = await definition.run(...(await argumentsFor(definition, given)));
    const result = encodeJson(value ?? null, writes);
    await callHook(definition.options.onSuccess, value, task);
    return { kind: "success", result };
  } catch (thrown) {
    return await settle(reasonOf(thrown, task.signal), definition.options, task);
  }
}

/** Decides what an error means: another try, an ending the task asked for, or failure. */
async function settle(error: unknown, options: TaskOptions, task: CurrentTask): Promise<Ending> {
  if (error instanceof Ignore) return { kind: "ignore" };
  if (error instanceof Reject) return { kind: "reject", requeue: error.requeue, reason: error.message };
  try {
    const retry = retryFor(error, options, task);
    if (retry) {
      await callHook(options.onRetry, retry.cause, task);
      return { kind: "retry", plan: { eta: retry.eta.toISOString() }, error: raised(retry.cause) };
    }
    await callHook(options.onFailure, error, task);
    return { kind: "failure", error: raised(error) };
  } catch (givenUp) {
    await callHook(options.onFailure, givenUp, task);
    return { kind: "failure", error: raised(givenUp) };
  }
}

/** The next try that `error` asks for or earns; undefined when it is final. Throws what the task fails with when no try is left. */
function retryFor(error: unknown, options: TaskOptions, task: CurrentTask): { eta: Date; cause: Error } | undefined {
  if (error instanceof Retry) {
    checkRetriesLeft(error.options, options, task);
    return { eta: retryInstant(error.options, options, task.retries), cause: error.options.exc ?? error };
  }
  if (!(error instanceof Error) || !retriesByItself(error, options)) return undefined;
  checkRetriesLeft({ exc: error }, options, task);
  return { eta: retryInstant({}, options, task.retries), cause: error };
}

const DEFAULT_MAX_RETRIES = 3;
const DEFAULT_RETRY_DELAY = 180;

function checkRetriesLeft({ exc, maxRetries }: RetryOptions, options: TaskOptions, task: CurrentTask): void {
  const allowed =
    maxRetries !== undefined ? maxRetries : options.maxRetries !== undefined ? options.maxRetries : DEFAULT_MAX_RETRIES;
  if (allowed === null || task.retries < allowed) return;
  throw exc ?? new MaxRetriesExceededError(`Can't retry ${task.name}[${task.id}]: all ${allowed} retries are used up`);
}

function retryInstant({ eta, countdown }: RetryOptions, options: TaskOptions, retries: number): Date {
  if (eta) return eta;
  return new Date(systemClock.now().getTime() + (countdown ?? retryDelay(options, retries)) * 1000);
}

/** Seconds until the repeat of a task that has been repeated `retries` times. */
function retryDelay(options: TaskOptions, retries: number): number {
  const {
    retryBackoff = false,
    retryBackoffMax = 600,
    retryJitter = true,
    defaultRetryDelay = DEFAULT_RETRY_DELAY,
  } = options;
  if (retryBackoff === false) return defaultRetryDelay;
  const initial = retryBackoff === true ? 1 : retryBackoff;
  return backoffDelay({ initial, max: retryBackoffMax, jitter: retryJitter }, retries);
}

function retriesByItself(error: Error, options: TaskOptions): boolean {
  // Input that does not fit will not fit next time either.
  if (error instanceof ValidationError) return false;
  if (options.dontAutoretryFor?.some((matcher) => matches(error, matcher))) return false;
  if (options.autoretryFor) return options.autoretryFor.some((matcher) => matches(error, matcher));
  return options.retryBackoff !== undefined && options.retryBackoff !== false;
}

function matches(error: Error, matcher: ErrorMatcher): boolean {
  return isErrorClass(matcher) ? error instanceof matcher : matcher(error);
}
function isErrorClass(matcher: ErrorMatcher): matcher is abstract new (...args: never[]) => Error {
  const prototype: unknown = matcher.prototype;
  return matcher === Error || prototype instanceof Error;
}

/** What really ended the task: an aborted wait throws an AbortError of its own, behind which the signal's reason stands. */
function reasonOf(thrown: unknown, signal: AbortSignal): unknown {
  return signal.aborted && thrown instanceof Error && thrown.name === "AbortError" ? signal.reason : thrown;
}

function raised(error: unknown): RaisedError {
  return { exception: exceptionInfo(error), traceback: tracebackOf(error) };
}

async function callHook<T>(
  hook: ((value: T, task: CurrentTask) => unknown) | undefined,
  value: T,
  task: CurrentTask,
): Promise<void> {
  if (!hook) return;
  try {
    await hook(value, task);
  } catch (error) {
    task.log.error(`${hook.name || "hook"} failed`, { error: tracebackOf(error) });
  }
}

interface Given {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

function decodeArguments(body: RequestBody): Given {
  if (!("encoded" in body)) return body;
  const [args, kwargs] = asArray(decodeJson(body.encoded));
  return { args: asArray(args ?? []), kwargs: asObject(kwargs ?? {}) };
}
function asArray(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ValidationError(`the message's arguments are ${typeof value} where an array belongs`);
}
function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ValidationError(`the message's keyword arguments are ${typeof value} where an object belongs`);
}

async function argumentsFor({ input, name }: TaskDefinition, { args, kwargs }: Given): Promise<readonly unknown[]> {
  const named = Object.keys(kwargs).length > 0;
  if (!input) {
    if (named)
      throw new ValidationError(
        `${name} takes positional arguments; it was also sent ${Object.keys(kwargs).join(", ")}`,
      );
    return args;
  }
  if (args.length > 1 || (args.length === 1 && named)) {
    throw new ValidationError(
      `${name} takes one object, as keyword arguments; it was sent ${args.length} positional arguments`,
    );
  }
  // A caller's result arrives as the one positional argument: it is the input.
  return [await validateInput(input, args.length === 1 ? args[0] : kwargs, name)];
}

function taskInHand(
  request: TaskRequest,
  given: Given,
  options: TaskOptions,
  { signal, reporter }: Execution,
  writes: EncodeJsonOptions,
): CurrentTask {
  const task: CurrentTask = {
    id: request.id,
    name: request.name,
    args: given.args,
    kwargs: given.kwargs,
    retries: request.retries,
    deliveries: request.deliveries,
    eta: request.eta === null ? undefined : parseInstant(request.eta),
    expires: request.expires === null ? undefined : parseInstant(request.expires),
    hostname: request.hostname,
    queue: request.queue,
    rootId: request.rootId,
    parentId: request.parentId ?? undefined,
    groupId: request.groupId ?? undefined,
    headers: request.headers,
    timeLimit: request.timeLimit ?? undefined,
    softTimeLimit: request.softTimeLimit ?? undefined,
    fencingToken: request.fencingToken,
    signal,
    log: taskLogger(reporter),
    async progress(done, total, message, counters = {}) {
      signal.throwIfAborted();
      reporter.onProgress({
        current: done,
        total: total ?? null,
        message: message ?? null,
        counters: readCounters(counters),
      });
    },
    async updateState(state, meta = null) {
      signal.throwIfAborted();
      reporter.onState(state, encodeJson(meta, writes));
    },
    retry(asked: RetryOptions = {}): never {
      checkRetriesLeft(asked, options, task);
      throw new Retry(asked);
    },
  };
  return task;
}

function taskLogger(reporter: RunReporter): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      reporter.onLog({
        level,
        message: String(message),
        fields: plainFields(fields),
        atMs: systemClock.now().getTime(),
      });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Fields as data that can leave this thread: what JSON cannot carry becomes text. */
function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
}
function plain(value: unknown): unknown {
  if (value instanceof Error) return tracebackOf(value);
  try {
    const text = JSON.stringify(value);
    return text === undefined ? String(value) : JSON.parse(text);
  } catch {
    return String(value);
  }
}
