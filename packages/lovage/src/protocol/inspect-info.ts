import type { TaskMessage } from "./task-message.js";

/** A task in a worker's hands, as `inspect active`, `reserved` and `scheduled` show it. Source: celery-protocol 9.3, "Task info". */
export interface TaskInfo {
  readonly id: string;
  /** The shadow, if there is one. */
  readonly name: string;
  /** Real values, or with `safe` the texts from the headers. */
  readonly args: unknown;
  readonly kwargs: unknown;
  /** The registered name. */
  readonly type: string;
  readonly hostname: string;
  /** Unix seconds. */
  readonly time_start: number | null;
  readonly acknowledged: boolean;
  readonly delivery_info: {
    readonly exchange: string;
    readonly routing_key: string;
    readonly priority: number;
    readonly redelivered: boolean;
  };
  readonly worker_pid: number | null;
}

/** What a task's message does not tell. */
export interface TaskInfoParts {
  /** Show arguments as texts. */
  readonly safe: boolean;
  readonly hostname: string;
  readonly started: Date | undefined;
  readonly acknowledged: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly workerPid: number | null;
}

export function taskInfo(message: TaskMessage, parts: TaskInfoParts): TaskInfo {
  return {
    id: message.id,
    name: message.shadow ?? message.task,
    args: parts.safe ? message.argsrepr : message.args,
    kwargs: parts.safe ? message.kwargsrepr : message.kwargs,
    type: message.task,
    hostname: parts.hostname,
    time_start: parts.started ? parts.started.getTime() / 1000 : null,
    acknowledged: parts.acknowledged,
    delivery_info: {
      exchange: parts.exchange,
      routing_key: parts.routingKey,
      priority: message.priority,
      redelivered: parts.redelivered,
    },
    worker_pid: parts.workerPid,
  };
}

/** A queue as `inspect active_queues` shows it. Source: celery-protocol 9.6. */
export interface QueueInfo {
  readonly name: string;
  readonly exchange: Readonly<Record<string, unknown>> & { readonly name: string; readonly type: string };
  readonly routing_key: string;
  readonly queue_arguments: Readonly<Record<string, unknown>> | null;
  readonly [field: string]: unknown;
}

export interface QueueInfoParts {
  readonly name: string;
  /** @default a direct exchange of the queue's name */
  readonly exchange?: { readonly name: string; readonly type: string } | undefined;
  /** @default the queue's name */
  readonly routingKey?: string | undefined;
  readonly maxPriority?: number | undefined;
}

export function queueInfo({ name, exchange, routingKey, maxPriority }: QueueInfoParts): QueueInfo {
  return {
    name,
    exchange: {
      name: exchange?.name ?? name,
      type: exchange?.type ?? "direct",
      arguments: null,
      durable: true,
      passive: false,
      auto_delete: false,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: routingKey ?? name,
    queue_arguments: maxPriority === undefined ? null : { "x-max-priority": maxPriority },
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  };
}
