import type { SignatureData } from "./signature.js";

export { decodeTaskMessage, peekTaskHeaders } from "./decode-task-message.js";
export { type EncodeTaskOptions, encodeTaskMessage, type TaskMessageFields } from "./encode-task-message.js";
export { type RetryChanges, retryMessage } from "./retry-message.js";

/** The third part of a task message's body: what follows on the task. Source: celery-protocol 2.1. */
export interface TaskEmbed {
  /** Called with the result. */
  readonly callbacks: readonly SignatureData[] | null;
  /** Called with the id when it failed. */
  readonly errbacks: readonly SignatureData[] | null;
  /** The steps still to come, reversed: the next one is the last element. */
  readonly chain: readonly SignatureData[] | null;
  /** Body of the chord that the task is a header member of. */
  readonly chord: SignatureData | null;
}

/** A task message, decoded. What was missing or null on the wire has its default here. Source: celery-protocol 2.3. */
export interface TaskMessage {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly embed: TaskEmbed;
  /** The body as JSON text, `[args, kwargs, embed]`; undefined for the older forms, whose body has another shape. */
  readonly bodyText: string | undefined;
  /** How it was recognised. Source: celery-protocol 2.9. */
  readonly form: "protocol-2" | "hybrid" | "protocol-1";
  /** 0 for the first try. */
  readonly retries: number;
  readonly eta: Date | undefined;
  readonly expires: Date | undefined;
  readonly group: string | null;
  /** Position in the group, from 0. */
  readonly groupIndex: number | null;
  readonly rootId: string | null;
  readonly parentId: string | null;
  /** Seconds; null where the task's own limit holds. */
  readonly timeLimit: { readonly hard: number | null; readonly soft: number | null };
  /** A name for logs and events instead of the task's. */
  readonly shadow: string | null;
  readonly origin: string | null;
  /** null where the task's own rule holds. */
  readonly ignoreResult: boolean | null;
  /** Texts for people; never parsed. */
  readonly argsrepr: string;
  readonly kwargsrepr: string;
  readonly replacedTaskNesting: number;
  readonly stampedHeaders: readonly string[] | null;
  readonly stamps: Readonly<Record<string, unknown>>;
  readonly replyTo: string | null;
  readonly correlationId: string | null;
  readonly priority: number;
  /** Headers that are not Celery's own. */
  readonly headers: Readonly<Record<string, unknown>>;
}
