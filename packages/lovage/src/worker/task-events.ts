import type { LovageError } from "../errors.js";
import type { EventSender } from "../event-sender.js";
import type { Ending } from "../outcome.js";
import { decodeJson } from "../protocol/content.js";
import {
  argumentFacts,
  followFacts,
  originFacts,
  type RunFacts,
  resultFacts,
  stampFacts,
  type TaskFacts,
} from "../protocol/event-facts.js";
import { reprException } from "../protocol/exception.js";
import { RawJson } from "../protocol/raw-json.js";
import { reprValue } from "../protocol/repr.js";
import type { TaskLogRecord, TaskProgress } from "../run-task.js";
import type { Logger } from "../util/logger.js";
import type { Execution } from "./execution.js";
import type { TaskRules } from "./task-rules.js";

/** Tells the log, and monitors when events are on, what becomes of each task. Source of the fields: celery-protocol 8.3. */
export class TaskEvents {
  readonly #sender: EventSender;
  readonly #rules: TaskRules;
  readonly #logger: Logger;

  constructor(sender: EventSender, rules: TaskRules, logger: Logger) {
    this.#sender = sender;
    this.#rules = rules;
    this.#logger = logger;
  }

  received(execution: Execution): void {
    const { request, message } = execution;
    this.#logger.info(`task ${execution.shownName} received`, { task: request.id });
    if (!this.#sends(execution)) return;
    this.#sender.send({
      type: "task-received",
      uuid: request.id,
      name: execution.shownName,
      args: message.argsrepr,
      kwargs: message.kwargsrepr,
      root_id: request.rootId,
      parent_id: request.parentId,
      retries: request.retries,
      eta: request.eta,
      expires: request.expires,
      lovage: this.#receivedFacts(execution),
    });
  }

  #receivedFacts({ message, delivery, definition, request }: Execution): TaskFacts {
    const { maxRetries } = definition.options;
    return {
      ...argumentFacts(message.bodyText),
      ...followFacts(message.embed),
      queue: delivery.queue,
      ...(message.group !== null && { group_id: message.group }),
      priority: message.priority,
      size: delivery.message.body.length,
      ...(delivery.message.contentType !== null && { content_type: delivery.message.contentType }),
      deliveries: delivery.deliveries,
      ...(request.timeLimit !== null && { time_limit: request.timeLimit }),
      ...(request.softTimeLimit !== null && { soft_time_limit: request.softTimeLimit }),
      ...(maxRetries !== undefined && { max_retries: maxRetries }),
      ...originFacts(message.headers),
      ...stampFacts(message.stamps),
    };
  }

  /** `pid`: the process it runs in. */
  started(execution: Execution, pid: number): void {
    if (!this.#sends(execution)) return;
    const { deliveries } = execution.delivery;
    this.#sender.send({
      type: "task-started",
      uuid: execution.id,
      lovage: { ...runFacts(execution), pid, deliveries },
    });
  }

  logged(execution: Execution, record: TaskLogRecord): void {
    this.#logger[record.level](record.message, { task: execution.id, name: execution.shownName, ...record.fields });
    if (!this.#sends(execution)) return;
    const { level, message, fields } = record;
    this.#sender.send({
      type: "task-log",
      uuid: execution.id,
      name: execution.shownName,
      level,
      message,
      fields,
      lovage: runFacts(execution),
    });
  }

  progressed(execution: Execution, progress: TaskProgress): void {
    if (this.#sends(execution))
      this.#sender.send({ type: "task-progress", uuid: execution.id, name: execution.shownName, ...progress });
  }

  /** The run has ended and its message with it. */
  ended(execution: Execution, ending: Ending): void {
    const { id, shownName } = execution;
    const fields = { task: id, runtime: round(ending.runtime) };
    switch (ending.state) {
      case "SUCCESS": {
        this.#logger.info(`task ${shownName} succeeded in ${round(ending.runtime)} s`, fields);
        if (this.#sends(execution))
          this.#sender.send({
            type: "task-succeeded",
            uuid: id,
            result: resultRepr(ending),
            runtime: ending.runtime,
            lovage: {
              ...runFacts(execution),
              ...(ending.result instanceof RawJson && resultFacts(ending.result.text)),
            },
          });
        return;
      }
      case "FAILURE":
      case "RETRY": {
        const { exception, traceback } = raisedText(ending);
        const retried = ending.state === "RETRY";
        if (retried)
          this.#logger.warn(
            `task ${shownName} will be retried at ${ending.retryAt?.toISOString()}: ${exception}`,
            fields,
          );
        else
          this.#logger.error(`task ${shownName} failed: ${exception}`, { ...fields, ...(traceback && { traceback }) });
        if (this.#sends(execution))
          this.#sender.send({
            type: retried ? "task-retried" : "task-failed",
            uuid: id,
            exception,
            traceback,
            lovage: { ...runFacts(execution), ...(ending.retryAt && { eta: ending.retryAt.toISOString() }) },
          });
        return;
      }
      case "REVOKED":
        return this.revoked(execution, { expired: false, terminated: true, signal: "SIGTERM" });
      case "REJECTED":
        return this.#rejected(execution, false);
      case undefined:
        return this.#rejected(execution, true);
      default:
        this.#logger.info(`task ${shownName} ended without a result`, fields);
    }
  }

  revoked(
    execution: Execution,
    how: { readonly expired: boolean; readonly terminated: boolean; readonly signal: string | undefined },
  ): void {
    const word = how.expired ? "expired" : how.terminated ? "was terminated" : "was revoked";
    this.#logger.warn(`task ${execution.shownName} ${word}`, { task: execution.id });
    if (!this.#sends(execution)) return;
    const { terminated, expired, signal } = how;
    this.#sender.send({
      type: "task-revoked",
      uuid: execution.id,
      terminated,
      signum: signal ?? null,
      expired,
      lovage: runFacts(execution),
    });
  }

  /** A message that named no task of ours, given up at last. Celery sends it without a traceback. */
  refused(uuid: string, error: LovageError): void {
    this.#sender.send({ type: "task-failed", uuid, exception: `${error.name}(${JSON.stringify(error.message)})` });
  }

  #rejected(execution: Execution, requeue: boolean): void {
    this.#logger.warn(`task ${execution.shownName} ${requeue ? "goes back to its queue" : "was rejected"}`, {
      task: execution.id,
    });
    if (!this.#sends(execution)) return;
    this.#sender.send({ type: "task-rejected", uuid: execution.id, requeue, lovage: runFacts(execution) });
  }

  #sends(execution: Execution): boolean {
    return this.#sender.sendsTaskEvents && this.#rules.sendsEvents(execution.definition);
  }
}

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;

function runFacts({ request }: Execution): RunFacts {
  return { retries: request.retries };
}

function resultRepr({ result }: Ending): string {
  return reprValue(result instanceof RawJson ? decodeJson(result.text) : result);
}

function raisedText({ result, traceback }: Ending): { exception: string; traceback: string } {
  const exception = result === null || result instanceof RawJson ? "" : reprException(result);
  return { exception, traceback: traceback ?? "" };
}
