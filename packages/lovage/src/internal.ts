/**
 * What `@lovage/*` packages of the same version are built on, beyond the public interface. No promise of stability: programs use
 * `lovage` itself.
 */
export type { BackendCapabilities, ResultBackend } from "./backends/backend.js";
export type {
  Broadcast,
  Broker,
  BrokerCapabilities,
  Consumer,
  Delivery,
  ExchangeSpec,
  PeekedMessage,
  QueueBinding,
  QueueCounts,
  QueueDefinition,
  QueueInspector,
  QueueSpec,
  Route,
} from "./brokers/broker.js";
export { type SendOptions, sendOptions, type TaskCall } from "./call.js";
export { Connections, type Share } from "./connections/connections.js";
export { type PostgresDatabase, PostgresError, postgresDatabase } from "./connections/postgres.js";
export { type Sql, type SqliteDatabase, SqliteError, sqliteDatabase } from "./connections/sqlite.js";
export { Inspect, type InspectedTask, type WorkerStats } from "./control/inspect.js";
export { DEAD_LETTER_QUEUE, type DeadLetter, DeadLetters, type Death } from "./dead-letters.js";
export { DirectGateway } from "./direct-gateway.js";
export { JOB_CONCURRENCIES, JOB_HEADER, JOB_RUN_HEADER, type JobConcurrency, type JobDefinition } from "./job.js";
export { decodeBody, decodeJson, encodeBody, encodeJson } from "./protocol/content.js";
export { ORIGIN_HEADERS } from "./protocol/event-facts.js";
export { LamportClock, type LovageEvent, type ReceivedEvent } from "./protocol/events.js";
export { tryParseInstant } from "./protocol/instant.js";
export type { Message } from "./protocol/message.js";
export { type Fields, isFields } from "./protocol/read-fields.js";
export { reprArgs, reprKwargs, reprValue } from "./protocol/repr.js";
export { isReady } from "./protocol/states.js";
export { decodeTaskMessage, type TaskMessage } from "./protocol/task-message.js";
export type { TaskMeta } from "./protocol/task-meta.js";
export { shownSettings, snakeCase } from "./report.js";
export type { TaskDefinition } from "./task.js";
export { backoffDelay } from "./util/backoff.js";
export { type Clock, sleep, systemClock } from "./util/clock.js";
export { withDeadline } from "./util/deadline.js";
export { type Deferred, deferred } from "./util/deferred.js";
export { newId } from "./util/ids.js";
export { nearestName } from "./util/nearest-name.js";
export { isSecretName, MASK, maskSecrets, maskUrls } from "./util/secrets.js";
export type { Service } from "./util/service.js";
export { validateInput } from "./validate-input.js";
