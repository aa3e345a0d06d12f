export { isLovage, Lovage, type LovageOptions } from "./app.js";
export type { ApplyOptions, PublishRetryPolicy } from "./call.js";
export { Control } from "./control/control.js";
export { type CurrentTask, currentTask } from "./current-task.js";
export * from "./errors.js";
export { EventReceiver, receiveEvents } from "./events/event-receiver.js";
export type { JsonSchema } from "./input-json-schema.js";
export type { Job, JobConcurrency, JobOptions, JobParameters, NamedJobOptions } from "./job.js";
export type { TransactionClient, TransactionConnection, TransactionFunction } from "./outbox/transaction-client.js";
export type { ReadyState, TaskState } from "./protocol/states.js";
export { Decimal, PlainDate, PlainTime, Uuid } from "./protocol/values.js";
export type { Redact, TaskContents } from "./redaction.js";
export { AsyncResult, type GetOptions, type RevokeOptions } from "./result.js";
export type { LovageSettings, Settings } from "./settings.js";
export { type Callback, type ErrorCallback, Signature } from "./signature.js";
export type {
  ErrorMatcher,
  InputTask,
  LocalInputTask,
  LocalPositionalTask,
  PositionalTask,
  TaskOptions,
} from "./task.js";
export type { Transaction } from "./transaction.js";
export { LOG_LEVELS, type Logger, type LogLevel, silentLogger } from "./util/logger.js";
export type { InputSchema } from "./validate-input.js";
