import { EXCHANGE_TYPES, QUEUE_TYPES } from "../brokers/broker.js";
import { POOL_KINDS } from "../pool-kind.js";
import * as consoleKinds from "./console-kinds.js";
import type { Kind } from "./kinds.js";
import * as kinds from "./kinds.js";

export interface Setting<Input, Value> {
  readonly kind: Kind<Input, Value>;
  /** As a user would write it. */
  readonly default: Input;
  /** One sentence. */
  readonly doc: string;
  /** Never shown, in reports, remote control or the console. */
  readonly secret?: true;
}

function setting<Input, Value>(kind: Kind<Input, Value>, standard: NoInfer<Input>, doc: string): Setting<Input, Value> {
  return { kind, default: standard, doc };
}

/** A setting whose value is masked wherever settings are shown. */
function secretSetting<Input, Value>(
  kind: Kind<Input, Value>,
  standard: NoInfer<Input>,
  doc: string,
): Setting<Input, Value> {
  return { kind, default: standard, doc, secret: true };
}

const { cssColor, links, origins, users } = consoleKinds;
const {
  count,
  flag,
  maxPriority,
  names,
  oneOf,
  only,
  orNull,
  port,
  positiveCount,
  positiveSeconds,
  priority,
  queues,
  rate,
  record,
  retryPolicy,
  routes,
  seconds,
  text,
  timeZone,
} = kinds;

/**
 * Every setting: Celery's, in camelCase, with Celery's meaning and unit. Durations are seconds.
 * From this table come the types, the checks, the environment's names and the docs.
 */
export const SETTINGS = {
  brokerUrl: setting(
    text,
    "sqlite:lovage.db",
    "Where messages wait: `sqlite:FILE`, `redis://`, `amqp://`, `postgres://` or `memory://`. Several URLs with `;` between them: the first that answers.",
  ),
  resultBackend: setting(orNull(text), "sqlite:lovage.db", "Where results are kept; null keeps none."),
  outboxUrl: setting(
    orNull(text),
    null,
    "`postgres://…`: the database whose transactions `app.in(client)` sends tasks in, where that is not the broker; workers relay them.",
  ),
  publishTimeout: setting(positiveSeconds, 10, "A publish is confirmed or rejected within this time."),
  brokerLeaseSeconds: setting(
    positiveSeconds,
    15,
    "A message returns to its queue this long after its worker died or froze.",
  ),

  taskDefaultQueue: setting(text, "celery", "The queue of tasks that nothing else routes."),
  taskDefaultExchange: setting(
    orNull(text),
    null,
    "The exchange of `taskDefaultQueue`; null for one of the queue's name.",
  ),
  taskDefaultExchangeType: setting(
    oneOf(...EXCHANGE_TYPES),
    "direct",
    "The type of queues' exchanges, where `taskQueues` does not say.",
  ),
  taskDefaultRoutingKey: setting(
    orNull(text),
    null,
    "The routing key of `taskDefaultQueue`, and of calls that name an exchange and no key; null for the queue's name.",
  ),
  taskDefaultPriority: setting(
    orNull(priority),
    null,
    "The priority of tasks that have none: 0 to 9, 9 the most urgent.",
  ),
  taskDefaultQueueType: setting(
    oneOf(...QUEUE_TYPES),
    "classic",
    "On RabbitMQ: how queues are kept, where `taskQueues` does not say. All who use a queue must agree on it.",
  ),
  taskQueueMaxPriority: setting(
    orNull(maxPriority),
    null,
    "Declares queues with priorities up to this one; null declares them without.",
  ),
  taskQueues: setting(
    orNull(queues),
    null,
    "The queues there are, and those that a worker consumes by default; null for `taskDefaultQueue` alone.",
  ),
  taskCreateMissingQueues: setting(flag, true, "Whether a queue that `taskQueues` does not list may be used."),
  taskRoutes: setting(
    routes,
    [],
    "Task name or pattern (`*`, `?`) → queue or route. Exact names come first, then the first pattern that matches.",
  ),
  taskInheritParentPriority: setting(flag, false, "Whether tasks that a task leads to get its priority."),

  taskAlwaysEager: setting(flag, false, "Runs tasks at once in the caller, instead of sending them. For tests."),
  taskEagerPropagates: setting(flag, false, "With `taskAlwaysEager`, throws a task's error from `delay` itself."),
  taskPublishRetry: setting(flag, true, "Tries again to publish when the connection was lost."),
  taskPublishRetryPolicy: setting(retryPolicy, {}, "How often and how patiently it is tried again."),
  taskTypedValues: setting(
    flag,
    true,
    "Sends dates, bytes, decimals and UUIDs as typed values (kombu 5.3 and newer); false sends plain texts for older peers.",
  ),
  taskProtocol: setting(
    only(2, "the version Lovage sends; it reads version 1 too"),
    2,
    "The version of Celery's message protocol.",
  ),
  taskSerializer: setting(oneOf("json"), "json", "The content type of task messages."),
  resultSerializer: setting(oneOf("json"), "json", "The content type of results."),
  taskSendSentEvent: setting(
    flag,
    true,
    "Tells monitors, the console among them, of every task that is sent (`task-sent` events; Celery's default is false).",
  ),
  acceptContent: setting(names, ["json"], "Content types that are decoded; others become dead letters unread."),

  taskTimeLimit: setting(
    orNull(positiveSeconds),
    null,
    "A task is ended from outside after this time; null for never.",
  ),
  taskSoftTimeLimit: setting(orNull(positiveSeconds), null, "A task's signal aborts after this time; null for never."),
  taskDefaultRateLimit: setting(
    orNull(rate),
    null,
    "How often each task may begin on each worker, as in `10/s`, `100/m`, `1000/h`; null for no limit.",
  ),
  taskAcksLate: setting(
    flag,
    true,
    "Acknowledges after the result is stored (true, unlike Celery) or before the task runs.",
  ),
  taskAcksOnFailureOrTimeout: setting(flag, true, "Acknowledges failed tasks too; false makes dead letters of them."),
  taskRejectOnWorkerLost: setting(
    flag,
    true,
    "Runs a task again when its process died; false fails it (Celery's default).",
  ),
  taskMaxDeliveries: setting(
    positiveCount,
    5,
    "A message under which workers died is handed out again this often, then becomes a dead letter.",
  ),
  taskUnknownGrace: setting(
    seconds,
    300,
    "How long a message waits for a worker that knows its task before it becomes a dead letter.",
  ),
  taskTrackStarted: setting(flag, false, "Stores the state STARTED."),
  taskIgnoreResult: setting(flag, false, "Keeps no results, unless a task or a call says otherwise."),
  taskStoreErrorsEvenIfIgnored: setting(flag, false, "Keeps errors also of tasks whose results are ignored."),

  resultExpires: setting(orNull(seconds), 86_400, "How long results are kept; null or 0 for ever."),
  resultExtended: setting(flag, false, "Stores name, arguments, worker, retries and queue with each result."),

  workerConcurrency: setting(orNull(positiveCount), null, "Tasks at a time; null for one a processor."),
  workerPool: setting(oneOf(...POOL_KINDS), "processes", "Where tasks run."),
  workerPrefetchMultiplier: setting(count, 4, "Messages a worker holds for each slot; 0 for no limit."),
  workerMaxTasksPerChild: setting(
    orNull(positiveCount),
    null,
    "A process or thread is replaced after so many tasks; null for never.",
  ),
  workerMaxMemoryPerChild: setting(
    orNull(positiveCount),
    null,
    "KiB. A process or thread found larger after a task is replaced; null for never.",
  ),
  workerSendTaskEvents: setting(flag, false, "Sends task events from the start (`-E`)."),
  workerEnableRemoteControl: setting(flag, true, "Answers remote control: `inspect` and `control`."),
  workerPoolRestarts: setting(flag, true, "Allows the remote control command `pool_restart`."),
  workerHealthPort: setting(
    orNull(port),
    null,
    "Where a worker answers `/healthz` (it is alive) and `/readyz` (it consumes) over HTTP; null for nowhere.",
  ),
  workerHealthHost: setting(text, "127.0.0.1", "The address that `workerHealthPort` is bound to."),

  consoleStore: setting(
    text,
    "sqlite:lovage-console.db",
    "Where the console keeps what it has seen: `sqlite:FILE`, or `postgres://` for several consoles.",
  ),
  consoleUsers: secretSetting(
    users,
    [],
    "Who may log in to the console: entries that `lovage console hash-password` prints. Kept secret wherever settings are shown.",
  ),
  consoleLinks: setting(links, [], "Links to the app's own pages in the console's navigation."),
  consoleViewerSeesPayloads: setting(
    flag,
    true,
    "Whether the console's viewers may see arguments, results, logs and message bodies.",
  ),
  consoleCorsOrigins: setting(origins, [], "Origins whose pages may call the console's API."),
  consoleEnableEvents: setting(flag, true, "Whether the console switches on the events of workers that send none."),
  consoleInspectTimeout: setting(positiveSeconds, 1, "How long the console waits for workers' answers."),
  consolePurgeOfflineWorkers: setting(positiveSeconds, 86_400, "The console forgets workers that are offline so long."),
  consoleEnvironment: setting(
    orNull(text),
    null,
    "What the console calls this installation, as in `production`; null for the app's name.",
  ),
  consoleEnvironmentColor: setting(
    orNull(cssColor),
    null,
    "The colour of that name in the console, so that nobody takes production for something else.",
  ),

  beatSchedule: setting(record, {}, "Name → entry: what `beat` sends, and when. Read by `beat`, which is to come."),
  beatScheduler: setting(
    orNull(text),
    null,
    "Where `beat` keeps its entries; null for the default store. Read by `beat`, which is to come.",
  ),
  timezone: setting(timeZone, "UTC", "The time zone of schedules. Read by `beat`, which is to come."),
  enableUtc: setting(only(true, "Lovage always sends UTC"), true, "Instants in messages are UTC."),

  redisSocketTimeout: setting(
    orNull(positiveSeconds),
    null,
    "How long an answer of a Redis server is waited for; null for 10 s. Celery's default of 120 s would hold a publish for as long.",
  ),
  brokerTransportOptions: setting(
    record,
    {},
    "Options of the broker's driver; see the page on brokers. They may stand in the URL's query too.",
  ),
  resultBackendTransportOptions: setting(
    record,
    {},
    "Options of the result backend's driver; see the page on brokers. They may stand in the URL's query too.",
  ),
} as const;

export type SettingName = keyof typeof SETTINGS;
