import { Control, type Logger, type Lovage } from "lovage";
import {
  encodeJson,
  isFields,
  isReady,
  reprArgs,
  reprKwargs,
  reprValue,
  type TaskMeta,
  withDeadline,
} from "lovage/internal";
import type { TaskRecord } from "../store/task-record.js";
import { LIMITS } from "./narrow.js";

/** Seconds that the result backend may take. */
const BACKEND_TIMEOUT = 5;

export interface MakeGoodOptions {
  readonly app: Lovage;
  readonly logger: Logger;
  /** Seconds that workers are given to answer. */
  readonly timeout: number;
  recordOf(id: string): Promise<TaskRecord | undefined>;
  learn(id: string, news: Partial<TaskRecord>): Promise<void>;
}

/** Finds out what events did not tell: a task's end from the result backend, or that a worker still has it. */
export class MakeGood {
  readonly #options: MakeGoodOptions;

  constructor(options: MakeGoodOptions) {
    this.#options = options;
  }

  /** Looks for the task, writes what was found, and gives the record as it is then; undefined when nobody knows it. */
  async lookFor(id: string): Promise<TaskRecord | undefined> {
    const meta = await this.#learnStored(id);
    if (!meta || !isReady(meta.status)) await this.#askWorkers(id);
    return await this.#options.recordOf(id);
  }

  /** The same without asking the workers. */
  async lookInBackend(id: string): Promise<TaskRecord | undefined> {
    await this.#learnStored(id);
    return await this.#options.recordOf(id);
  }

  async #learnStored(id: string): Promise<TaskMeta | undefined> {
    const meta = await this.#stored(id);
    if (meta) await this.#options.learn(id, findingsOf(meta));
    return meta;
  }

  /** What the result backend has; nothing where results are off, or it is away. */
  async #stored(id: string): Promise<TaskMeta | undefined> {
    const { app, logger } = this.#options;
    if (app.settings.resultBackend === null) return undefined;
    try {
      const read = app.direct.backend().then(async (backend) =>
        // Where results go to their senders, reading one would only take it away from nobody: there is none here.
        backend.capabilities.readers === "all" ? await backend.get(id) : undefined,
      );
      return await withDeadline(read, BACKEND_TIMEOUT, () => new Error(`no answer within ${BACKEND_TIMEOUT} s`));
    } catch (error) {
      logger.warn("the result backend could not be asked", { task: id, error: String(error) });
      return undefined;
    }
  }

  async #askWorkers(id: string): Promise<void> {
    const { app, logger, timeout } = this.#options;
    try {
      const { answers } = await new Control(app).inspect.queryTask([id], { timeout });
      for (const [worker, tasks] of answers) {
        const held = tasks.get(id);
        if (!held) continue;
        const [state, task] = held;
        await this.#options.learn(id, {
          name: task.name,
          worker,
          state: state === "active" ? "STARTED" : "RECEIVED",
          ...(task.started && { startedMs: task.started.getTime() }),
        });
      }
    } catch (error) {
      logger.warn("the workers could not be asked", { task: id, error: String(error) });
    }
  }
}

/** A stored result as news of its task. Exact arguments are there with extended results only. */
export function findingsOf(meta: TaskMeta): Partial<TaskRecord> {
  const { status, args, kwargs, name, worker, queue, groupId, parentId, retries, dateDone, traceback } = meta;
  return {
    ...(status !== "PENDING" && { state: status.slice(0, LIMITS.state) }),
    ...(name !== undefined && { name }),
    ...(worker !== undefined && { worker }),
    ...(queue !== undefined && { queue }),
    ...(groupId !== undefined && { groupId }),
    ...(parentId !== undefined && { parentId }),
    ...(retries !== undefined && { retries }),
    ...(dateDone && { finishedMs: dateDone.getTime() }),
    ...argumentsOf(args, kwargs),
    ...resultOf(meta),
    ...(traceback !== null && traceback !== "" && { traceback }),
  };
}

function argumentsOf(args: unknown, kwargs: unknown): Partial<TaskRecord> {
  // Python stores a text in their place when they cannot be written as JSON.
  if (!Array.isArray(args) || !isFields(kwargs)) {
    return { ...(typeof args === "string" && { args }), ...(typeof kwargs === "string" && { kwargs }) };
  }
  const argsJson = written(args);
  const kwargsJson = written(kwargs);
  const texts = { args: reprArgs(args), kwargs: reprKwargs(kwargs) };
  if (argsJson === undefined || kwargsJson === undefined) return texts;
  return { ...texts, argsJson, kwargsJson, argsSource: "result" };
}

const FAILED_STATES: ReadonlySet<string> = new Set(["FAILURE", "REVOKED", "RETRY"]);

function resultOf({ status, result }: TaskMeta): Partial<TaskRecord> {
  if (FAILED_STATES.has(status)) {
    const error = errorText(result);
    return error === undefined ? {} : { error };
  }
  if (status === "SUCCESS") {
    const resultJson = written(result);
    return { result: reprValue(result), ...(resultJson !== undefined && { resultJson }) };
  }
  // A custom state's meta: how far the task says it is.
  return isFields(result) && typeof result.current === "number" ? { progressJson: progressText(result) } : {};
}

/** As events write it. */
function errorText(result: unknown): string | undefined {
  if (!isFields(result) || typeof result.exc_type !== "string") return undefined;
  const { exc_type: type, exc_message: message } = result;
  const parts: readonly unknown[] = Array.isArray(message) ? message : [message];
  return `${type}(${parts.map((part) => reprValue(part)).join(", ")})`;
}

function progressText({ current, total, message }: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    current,
    total: typeof total === "number" ? total : null,
    message: typeof message === "string" ? message : null,
    counters: {},
  });
}

function written(value: unknown): string | undefined {
  try {
    return encodeJson(value);
  } catch {
    return undefined;
  }
}
