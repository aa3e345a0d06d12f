import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type ApplyOptions, sendOptions, type TaskCall } from "./call.js";
import type { CurrentTask } from "./current-task.js";
import { ConfigurationError } from "./errors.js";
import type { TransactionClient } from "./outbox/transaction-client.js";
import type { AsyncResult } from "./result.js";
import { Signature } from "./signature.js";
import { type InputSchema, validateInput } from "./validate-input.js";

/** An error class, or a test of the error: which errors `autoretryFor` means. */
export type ErrorMatcher = (abstract new (...args: never[]) => Error) | ((error: unknown) => boolean);

/** How a task is sent, limited, retried and acknowledged. Celery's task options, in camelCase; every duration in seconds. */
export interface TaskOptions<Result = unknown> {
  /** Where it goes unless the call says otherwise. @default by `taskRoutes`, then `taskDefaultQueue` */
  readonly queue?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  /** 0 to 9, 9 the most urgent; only on queues declared with `maxPriority`. */
  readonly priority?: number;
  /** Seconds, or an instant, after which it is not run any more. */
  readonly expires?: number | Date;
  /** Repeats at most; null for no limit. @default 3 */
  readonly maxRetries?: number | null;
  /** Seconds until a repeat, where neither `retry()` nor `retryBackoff` says. @default 180 */
  readonly defaultRetryDelay?: number;
  /** Errors after which the task is retried without asking. @default all errors when `retryBackoff` is set, else none */
  readonly autoretryFor?: readonly ErrorMatcher[];
  /** Errors after which it is not, though `autoretryFor` lists them. */
  readonly dontAutoretryFor?: readonly ErrorMatcher[];
  /** Waits 1, 2, 4, 8 … seconds before repeats, times this number; true is 1. @default false */
  readonly retryBackoff?: boolean | number;
  /** Seconds at most between two tries. @default 600 */
  readonly retryBackoffMax?: number;
  /** Draws each backoff evenly from 0 to its full length. @default true */
  readonly retryJitter?: boolean;
  /** Seconds after which the task is ended from outside. @default `taskTimeLimit` */
  readonly timeLimit?: number;
  /** Seconds after which the task's signal aborts. @default `taskSoftTimeLimit` */
  readonly softTimeLimit?: number;
  /** Runs at most so often on each worker: `10/s`, `100/m`, `1000/h`, or a number a second. @default `taskDefaultRateLimit` */
  readonly rateLimit?: string | number;
  /** Acknowledge after the result is stored (true) or before the function runs. @default `taskAcksLate` */
  readonly acksLate?: boolean;
  readonly acksOnFailureOrTimeout?: boolean;
  /** Run again when the process died under it. @default `taskRejectOnWorkerLost` */
  readonly rejectOnWorkerLost?: boolean;
  /** Keep no result. @default `taskIgnoreResult` */
  readonly ignoreResult?: boolean;
  readonly storeErrorsEvenIfIgnored?: boolean;
  /** Store the state STARTED. @default `taskTrackStarted` */
  readonly trackStarted?: boolean;
  /** Send events about this task. @default true */
  readonly sendEvents?: boolean;
  /** One or two sentences for people: shown by the console and by `inspect registered`. */
  readonly description?: string;
  /**
   * JSON Schema (2020-12) of the input, for the console's forms and other programs. Checks nothing.
   * @default what the `input` schema says of itself; see `Lovage.inputSchema`
   */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
  /** Called where the task ran, after it succeeded and before its result is stored. What it throws is logged. */
  readonly onSuccess?: (result: Awaited<Result>, task: CurrentTask) => unknown;
  /** Called where the task ran, after its last try failed. */
  readonly onFailure?: (error: unknown, task: CurrentTask) => unknown;
  /** Called where the task ran, when it is to be tried again. */
  readonly onRetry?: (error: unknown, task: CurrentTask) => unknown;
}

/** A registered task as data: what workers look up by name. */
export interface TaskDefinition {
  readonly name: string;
  readonly options: TaskOptions;
  /** Set when one validated object travels as Celery's kwargs; else positional parameters travel as args. */
  readonly input: InputSchema | undefined;
  /** The user's function. */
  readonly run: (...args: readonly unknown[]) => unknown;
}

/** All endings of `A`: what may be given to a partial, since what comes before it is put in front. */
export type SuffixOf<A extends readonly unknown[]> = number extends A["length"]
  ? A
  : A extends readonly [unknown, ...infer Rest]
    ? A | SuffixOf<Rest>
    : A;

/** `A` without as many last elements as `Given` has. */
export type MissingArgs<A extends readonly unknown[], Given extends readonly unknown[]> = number extends A["length"]
  ? A
  : Given extends readonly [unknown, ...infer GivenRest]
    ? Required<A> extends readonly [...infer Rest, unknown]
      ? MissingArgs<Rest, GivenRest>
      : never
    : A;

/** What every task can do, whichever way its arguments travel. */
interface Sendable<Args extends readonly unknown[], Result> {
  /** The registered name. */
  readonly name: string;
  /** Sends the task. Resolves once the broker holds the message; rejects with a `ValidationError` before anything is sent. */
  delay(...args: Args): Promise<AsyncResult<Result>>;
  /** A signature that takes no further arguments: as a callback it ignores the result it is called with. */
  si(...args: Args): Signature<[], Result, true>;
}

/** A task whose positional parameters travel as Celery's args. */
export interface PositionalTask<Args extends readonly unknown[], Result> extends Sendable<Args, Result> {
  /** `delay` with options. */
  applyAsync(args: Args, options?: ApplyOptions<Result>): Promise<AsyncResult<Result>>;
  /** A partial: what is still missing comes first, as a caller's result does. */
  s<const Given extends SuffixOf<Args>>(...given: Given): Signature<MissingArgs<Args, Given>, Result>;
  /** The same task, sent inside the transaction that is open on `client`; see `Lovage.in`. */
  in(client: TransactionClient): PositionalTask<Args, Result>;
}

/** A task whose one object travels as Celery's kwargs. */
export interface InputTask<Input, Result> extends Sendable<[input: Input], Result> {
  /** `delay` with options. */
  applyAsync(input: Input, options?: ApplyOptions<Result>): Promise<AsyncResult<Result>>;
  s(): Signature<[input: Input], Result>;
  s(input: Input): Signature<[], Result>;
  /** The same task, sent inside the transaction that is open on `client`; see `Lovage.in`. */
  in(client: TransactionClient): InputTask<Input, Result>;
}

/** Registered here: calling it runs the function. */
export type LocalPositionalTask<F extends (...args: never[]) => unknown> = PositionalTask<
  Parameters<F>,
  Awaited<ReturnType<F>>
> &
  F;
/** Registered here: calling it validates the input and runs the function. */
export type LocalInputTask<Input, Result> = InputTask<Input, Awaited<Result>> &
  ((input: Input) => Promise<Awaited<Result>>);

/** What a task handle needs of its app. */
export interface TaskHome {
  send(call: TaskCall): Promise<AsyncResult<unknown>>;
  /** One that sends inside the transaction that is open on `client`. */
  inside(client: TransactionClient): TaskHome;
}

/** How a handle turns what its caller gave into a call. */
interface CallShape {
  readonly name: string;
  readonly passes: "args" | "kwargs";
  readonly input: InputSchema | undefined;
}

/** Validates where there is a schema, and sends. */
function send(
  home: TaskHome,
  shape: CallShape,
  given: readonly unknown[],
  options: ApplyOptions,
): Promise<AsyncResult<unknown>> {
  return shape.input
    ? sendValidated(home, shape, shape.input, given, options)
    : sendShaped(home, shape, given, options);
}

async function sendValidated(
  home: TaskHome,
  shape: CallShape,
  input: InputSchema,
  given: readonly unknown[],
  options: ApplyOptions,
): Promise<AsyncResult<unknown>> {
  await validateInput(input, given[0], shape.name);
  return await sendShaped(home, shape, given, options);
}

// Async for the sake of errors alone: a caller who awaits must not have to catch what is thrown before.
async function sendShaped(
  home: TaskHome,
  shape: CallShape,
  given: readonly unknown[],
  options: ApplyOptions,
): Promise<AsyncResult<unknown>> {
  return await home.send({ name: shape.name, ...shapeArguments(shape, given), options: sendOptions(options) });
}

function shapeArguments(shape: CallShape, given: readonly unknown[]): Pick<TaskCall, "args" | "kwargs"> {
  if (shape.passes === "args") return { args: given, kwargs: {} };
  return given.length === 0 ? { args: [], kwargs: {} } : { args: [], kwargs: plainObject(given[0], shape.name) };
}

function plainObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigurationError(
      `${name} takes one object, whose members travel as kwargs; got ${value === null ? "null" : typeof value}`,
      {
        code: "input_not_object",
      },
    );
  }
  return { ...value };
}

const PASSES = Symbol.for("lovage.task.passes");

/** Whether a task's one object travels as kwargs. Also of a task of another copy of the library. */
export function passesKwargs(task: object): boolean {
  return Reflect.get(task, PASSES) === "kwargs";
}

/** The members of a handle, without the function it may be called as. */
export function taskMethods(home: TaskHome, shape: CallShape): object {
  const { name } = shape;
  const signature = (given: readonly unknown[], immutable: boolean): Signature<readonly unknown[], unknown, boolean> =>
    new Signature(home, { name, ...shapeArguments(shape, given), options: {} }, immutable);
  return {
    [PASSES]: shape.passes,
    name,
    delay: (...given: unknown[]) => send(home, shape, given, {}),
    applyAsync: (given: unknown, options: ApplyOptions = {}) =>
      send(home, shape, shape.passes === "kwargs" ? [given] : argumentList(given, name), options),
    s: (...given: unknown[]) => signature(given, false),
    si: (...given: unknown[]) => signature(given, true),
    in: (client: TransactionClient) => taskMethods(home.inside(client), shape),
  };
}

function argumentList(given: unknown, name: string): readonly unknown[] {
  if (Array.isArray(given)) return given;
  throw new ConfigurationError(`${name}.applyAsync takes its arguments as one array, as in applyAsync([2, 3])`, {
    code: "arguments_not_array",
  });
}

/** The function that a locally registered task is called as. */
export function taskFunction(definition: TaskDefinition): (...given: unknown[]) => unknown {
  const { input, run, name } = definition;
  if (!input) return (...given) => run(...given);
  return async (given) => await run(await validateInput(input, given, name));
}

/** Input of a schema, as callers give it. */
export type SchemaInput<S extends StandardSchemaV1> = StandardSchemaV1.InferInput<S>;
/** Output of a schema, as the function gets it. */
export type SchemaOutput<S extends StandardSchemaV1> = StandardSchemaV1.InferOutput<S>;
