import { checkCallOptions } from "./check-call-options.js";
import type { SignatureData } from "./protocol/signature.js";
import type { Callback, ErrorCallback } from "./signature.js";

/** How often, and how patiently, a publish that met a lost connection is tried again. Seconds. */
export interface PublishRetryPolicy {
  /** Repeats at most; null for no limit. @default 3 */
  readonly maxRetries?: number | null;
  /** Seconds before the first repeat. @default 0 */
  readonly intervalStart?: number;
  /** Seconds added before each further repeat. @default 0.2 */
  readonly intervalStep?: number;
  /** Seconds at most. @default 1 */
  readonly intervalMax?: number;
}

/** What one call may ask for: Celery's `apply_async` options. Every duration in seconds. */
export interface ApplyOptions<Result = unknown> {
  /** Run this many seconds from now. */
  readonly countdown?: number;
  /** Run at this instant, instead of `countdown`. */
  readonly eta?: Date;
  /** Seconds from now, or an instant, after which it is not run any more. */
  readonly expires?: number | Date;
  /** 0 to 9, 9 the most urgent; only on queues declared with `maxPriority`. */
  readonly priority?: number;
  readonly queue?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  /** @default a new UUID */
  readonly taskId?: string;
  /** Custom headers of the message; the task reads them from `currentTask().headers`. JSON values. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Seconds after which the task is ended from outside. */
  readonly timeLimit?: number;
  /** Seconds after which the task's signal aborts. */
  readonly softTimeLimit?: number;
  /** Try again when the connection was lost. @default `taskPublishRetry` */
  readonly retry?: boolean;
  readonly retryPolicy?: PublishRetryPolicy;
  /** Keep no result. */
  readonly ignoreResult?: boolean;
  /** Called with the result when the task succeeded. */
  readonly link?: Callback<Result> | readonly Callback<Result>[];
  /** Called with the task's id when it failed. */
  readonly linkError?: ErrorCallback | readonly ErrorCallback[];
  /** A name for logs and events instead of the task's. */
  readonly shadow?: string;
}

/** What a message is made with: a caller's options and those only the library sets, links as they travel. */
export interface SendOptions extends Omit<ApplyOptions, "link" | "linkError"> {
  readonly link?: readonly SignatureData[];
  readonly linkError?: readonly SignatureData[];
  readonly rootId?: string;
  readonly parentId?: string;
  readonly groupId?: string;
  readonly groupIndex?: number;
  readonly replyTo?: string;
  readonly chain?: readonly SignatureData[];
  readonly chord?: SignatureData;
  readonly retries?: number;
  readonly replacedTaskNesting?: number;
  readonly stampedHeaders?: readonly string[];
  readonly stamps?: Readonly<Record<string, unknown>>;
}

/** A caller's options as a call carries them. Throws a `ConfigurationError` for options that no worker could follow. */
export function sendOptions<Result>(options: ApplyOptions<Result>): SendOptions {
  checkCallOptions(options);
  const { link, linkError, ...rest } = options;
  return {
    ...rest,
    ...(link && { link: listOf(link).map((each) => each.toData()) }),
    ...(linkError && { linkError: listOf(linkError).map((each) => each.toData()) }),
  };
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return isList(value) ? value : [value];
}
function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** A task to send: a name, what it is given, and how. */
export interface TaskCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: SendOptions;
}
