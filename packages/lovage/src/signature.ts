import { type ApplyOptions, type SendOptions, sendOptions, type TaskCall } from "./call.js";
import type { TransactionClient } from "./outbox/transaction-client.js";
import { formatInstant, tryParseInstant } from "./protocol/instant.js";
import { parseSignature, type SignatureData } from "./protocol/signature.js";
import type { AsyncResult } from "./result.js";
import type { TaskHome } from "./task.js";

/** Any signature at all. */
export type AnySignature = Signature<never, unknown, boolean>;
/** What may be called with a result of type `Result`: one that misses just that, or one that takes no further arguments. */
export type Callback<Result> = Signature<[Result], unknown> | Signature<[], unknown, true>;
/** What may be called with the id of a failed task. */
export type ErrorCallback = Callback<string>;

/**
 * One call of a task, not yet sent. `Missing` are the arguments still to come; they are put in front of those given,
 * as Celery does. Immutable: options and links make new signatures.
 */
export class Signature<Missing extends readonly unknown[], Result, Immutable extends boolean = false> {
  readonly #home: TaskHome;
  readonly #call: TaskCall;
  /** Whether arguments put in front by a caller are ignored (`si`). */
  readonly immutable: Immutable;

  constructor(home: TaskHome, call: TaskCall, immutable: Immutable) {
    this.#home = home;
    this.#call = call;
    this.immutable = immutable;
  }

  get task(): string {
    return this.#call.name;
  }

  /** Sends the task with the missing arguments. */
  delay(...missing: Missing): Promise<AsyncResult<Result>> {
    return this.applyAsync(missing);
  }

  /** Sends the task with the missing arguments; `options` override the signature's own. */
  async applyAsync(missing: Missing, options: ApplyOptions<Result> = {}): Promise<AsyncResult<Result>> {
    const { name, args, kwargs } = this.#call;
    const given = this.immutable ? args : [...missing, ...args];
    const sent = await this.#home.send({
      name,
      args: given,
      kwargs,
      options: { ...this.#call.options, ...sendOptions(options) },
    });
    return sent.as<Result>();
  }

  /** The same call, sent inside the transaction that is open on `client`; see `Lovage.in`. */
  in(client: TransactionClient): Signature<Missing, Result, Immutable> {
    return new Signature(this.#home.inside(client), this.#call, this.immutable);
  }

  /** The same call with more options. */
  set(options: ApplyOptions<Result>): Signature<Missing, Result, Immutable> {
    return this.#with(sendOptions(options));
  }

  /** The same call, followed by `callback` with its result. */
  link(callback: Callback<Result>): Signature<Missing, Result, Immutable> {
    return this.#with({ link: [...(this.#call.options.link ?? []), callback.toData()] });
  }

  /** The same call; when it fails, `callback` is called with its id. */
  linkError(callback: ErrorCallback): Signature<Missing, Result, Immutable> {
    return this.#with({ linkError: [...(this.#call.options.linkError ?? []), callback.toData()] });
  }

  /** The signature as it travels in messages. */
  toData(): SignatureData {
    const { name, args, kwargs, options } = this.#call;
    return {
      task: name,
      args: [...args],
      kwargs: { ...kwargs },
      options: wireOptions(options),
      subtask_type: null,
      immutable: this.immutable,
    };
  }

  #with(options: SendOptions): Signature<Missing, Result, Immutable> {
    const { name, args, kwargs } = this.#call;
    return new Signature(
      this.#home,
      { name, args, kwargs, options: { ...this.#call.options, ...options } },
      this.immutable,
    );
  }
}

/** Our options under Celery's names; what is unset is left out. Source: celery-protocol 6.1, "Known options". */
function wireOptions(options: SendOptions): Record<string, unknown> {
  const { expires, eta } = options;
  return withoutUndefined({
    task_id: options.taskId,
    root_id: options.rootId,
    parent_id: options.parentId,
    group_id: options.groupId,
    group_index: options.groupIndex,
    reply_to: options.replyTo,
    chain: options.chain,
    chord: options.chord,
    countdown: options.countdown,
    eta: eta && formatInstant(eta),
    expires: expires instanceof Date ? formatInstant(expires) : expires,
    priority: options.priority,
    queue: options.queue,
    exchange: options.exchange,
    routing_key: options.routingKey,
    headers: options.headers,
    time_limit: options.timeLimit,
    soft_time_limit: options.softTimeLimit,
    ignore_result: options.ignoreResult,
    shadow: options.shadow,
    link: options.link,
    link_error: options.linkError,
    ...(options.stampedHeaders && { stamped_headers: options.stampedHeaders, ...options.stamps }),
  });
}

/**
 * The call that a signature off the wire stands for, applied to `partial`: put in front of its own arguments unless it is immutable.
 * Source: celery-protocol 6.2.
 */
export function callFromData(data: SignatureData, partial: readonly unknown[]): TaskCall {
  const args = data.immutable ? data.args : [...partial, ...data.args];
  return { name: data.task, args, kwargs: data.kwargs, options: optionsFromWire(data.options) };
}

/** Celery's options under our names. What has not the type it should have counts as unset: anyone can send anything. */
function optionsFromWire(wire: Readonly<Record<string, unknown>>): SendOptions {
  const text = (name: string): string | undefined =>
    typeof wire[name] === "string" && wire[name] !== "" ? wire[name] : undefined;
  const number = (name: string): number | undefined =>
    typeof wire[name] === "number" && Number.isFinite(wire[name]) ? wire[name] : undefined;
  const instant = (name: string): Date | undefined => {
    const written = text(name);
    return written === undefined ? undefined : tryParseInstant(written);
  };
  const signatures = (name: string): readonly SignatureData[] | undefined =>
    Array.isArray(wire[name]) ? wire[name].map(parseSignature) : undefined;
  const { headers, ignore_result, chord, stamped_headers } = wire;
  const stampNames = Array.isArray(stamped_headers)
    ? stamped_headers.filter((name) => typeof name === "string")
    : undefined;
  return withoutUndefined({
    taskId: text("task_id"),
    rootId: text("root_id"),
    parentId: text("parent_id"),
    groupId: text("group_id"),
    groupIndex: number("group_index"),
    replyTo: text("reply_to"),
    countdown: number("countdown"),
    eta: instant("eta"),
    expires: number("expires") ?? instant("expires"),
    priority: number("priority"),
    queue: text("queue"),
    exchange: text("exchange"),
    routingKey: text("routing_key"),
    timeLimit: number("time_limit"),
    softTimeLimit: number("soft_time_limit"),
    shadow: text("shadow"),
    ignoreResult: typeof ignore_result === "boolean" ? ignore_result : undefined,
    headers: isObject(headers) ? headers : undefined,
    link: signatures("link"),
    linkError: signatures("link_error"),
    chain: signatures("chain"),
    chord: isObject(chord) ? parseSignature(chord) : undefined,
    stampedHeaders: stampNames,
    stamps: stampNames && Object.fromEntries(stampNames.map((name) => [name, wire[name]])),
  });
}

/** The object without its undefined members, so that they do not override others when spread. */
function withoutUndefined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
