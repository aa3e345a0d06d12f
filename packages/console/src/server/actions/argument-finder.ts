import type { Logger, Lovage } from "lovage";
import { DEAD_LETTER_QUEUE, decodeTaskMessage, type Message, type TaskMessage, withDeadline } from "lovage/internal";
import { holdsMask } from "../ingest/redact.js";
import type { TaskRecord } from "../store/task-record.js";
import { type Arguments, type ExactArguments, unknownReason } from "./exact-arguments.js";
import { isObject, readExactArgs, readExactObject } from "./exact-json.js";
import { phaseOf } from "./task-phases.js";

/** Messages looked through in a queue at most, and at a time. */
const MOST_PEEKED = 2000;
const PEEK_PAGE = 200;

/** A message, where it was found. */
export interface FoundMessage {
  readonly queue: string;
  readonly message: Message;
}

export interface ArgumentFinderOptions {
  readonly app: Lovage;
  readonly logger: Logger;
  /** Seconds that the result backend, and the broker, are waited for. @default 3 */
  readonly timeout?: number;
  /** The exact parameters of a job's run, by its root task's id. */
  readonly jobArguments?: ((id: string) => Promise<Readonly<Record<string, unknown>> | undefined>) | undefined;
}

/**
 * Finds what a task was sent with, exactly, wherever it is still known: the record's JSON (out of events), the result backend, the
 * message on its queue or among the dead letters, the run of a job. Never a text made for people.
 *
 * A source that cannot be reached is passed over and logged: the next one may know.
 */
export class ArgumentFinder {
  readonly #app: Lovage;
  readonly #logger: Logger;
  readonly #timeout: number;
  readonly #jobArguments: ArgumentFinderOptions["jobArguments"];

  constructor({ app, logger, timeout = 3, jobArguments }: ArgumentFinderOptions) {
    this.#app = app;
    this.#logger = logger;
    this.#timeout = timeout;
    this.#jobArguments = jobArguments;
  }

  async find(record: TaskRecord): Promise<Arguments> {
    const texts = `${record.argsJson ?? ""}${record.kwargsJson ?? ""}`;
    const masked = holdsMask(texts);
    return (
      (masked ? undefined : ofRecord(record)) ??
      (await this.#tryTo("the result backend", () => this.#inBackend(record.id))) ??
      (await this.#tryTo("the broker", () => this.#inMessage(record))) ??
      (await this.#tryTo("the job's runs", () => this.#inJob(record))) ?? { reason: unknownReason(record, masked) }
    );
  }

  /**
   * The message of a task, where it can be looked at without disturbing its queue: on the queue while the task waits, or among the dead
   * letters. Undefined when it is not there, not among the first 2,000, or the broker cannot show it cleanly. Throws what the broker throws.
   */
  async findMessage(record: TaskRecord): Promise<FoundMessage | undefined> {
    const broker = await this.#app.direct.broker();
    if (broker.capabilities.peek !== "clean") return undefined;
    const phase = phaseOf(record.state);
    // What runs or has ended is on no queue, unless it was given up.
    const queues = phase === "waiting" && record.queue !== null ? [record.queue] : [];
    if (phase !== "running" && record.state !== "SUCCESS") queues.push(DEAD_LETTER_QUEUE.name);
    for (const queue of queues) {
      const message = await this.#peekFor(record.id, queue);
      if (message) return { queue, message };
    }
    return undefined;
  }

  /** The task's message, decoded, where `findMessage` finds it; undefined too when it cannot be read, or nobody answers in time. */
  async decodedMessage(record: TaskRecord): Promise<TaskMessage | undefined> {
    return (await this.#tryTo("the broker", () => this.#inMessage(record)))?.message;
  }

  async #peekFor(id: string, queue: string): Promise<Message | undefined> {
    const { queues } = await this.#app.direct.broker();
    if (!(await queues.counts(queue))) return undefined;
    for (let offset = 0; offset < MOST_PEEKED; offset += PEEK_PAGE) {
      const page = await queues.peek(queue, { limit: PEEK_PAGE, offset });
      const found = page.find(({ message }) => message.headers.id === id || message.properties.correlation_id === id);
      if (found) return found.message;
      if (page.length < PEEK_PAGE) return undefined;
    }
    return undefined;
  }

  async #inBackend(id: string): Promise<ExactArguments | undefined> {
    if (this.#app.settings.resultBackend === null) return undefined;
    const backend = await this.#app.direct.backend();
    if (backend.capabilities.readers !== "all") return undefined;
    const meta = await backend.get(id);
    // Python without `result_extended` keeps neither; older versions keep a text of them, which is not sent again.
    if (!meta || !Array.isArray(meta.args) || !isObject(meta.kwargs)) return undefined;
    const { args, kwargs, queue } = meta;
    return { args, kwargs, source: "result", ...(typeof queue === "string" && queue !== "" && { queue }) };
  }

  async #inMessage(record: TaskRecord): Promise<ExactArguments | undefined> {
    const found = await this.findMessage(record);
    const message = found && tryDecode(found.message, this.#app.settings.acceptContent);
    return message && { args: message.args, kwargs: message.kwargs, source: "queue", message };
  }

  async #inJob({ id, runId }: TaskRecord): Promise<ExactArguments | undefined> {
    if (runId !== id) return undefined;
    const kwargs = await this.#jobArguments?.(id);
    return kwargs && { args: [], kwargs, source: "job" };
  }

  async #tryTo(what: string, look: () => Promise<ExactArguments | undefined>): Promise<ExactArguments | undefined> {
    try {
      return await withDeadline(look(), this.#timeout, () => new Error(`no answer within ${this.#timeout} s`));
    } catch (error) {
      this.#logger.warn(`${what} could not be asked for the arguments of a task`, { error: String(error) });
      return undefined;
    }
  }
}

function ofRecord(record: TaskRecord): ExactArguments | undefined {
  const args = readExactArgs(record.argsJson);
  const kwargs = readExactObject(record.kwargsJson);
  return args && kwargs && { args, kwargs, source: sourceOf(record.argsSource) };
}

function sourceOf(source: string | null): ExactArguments["source"] {
  return source === "result" || source === "queue" || source === "job" ? source : "event";
}

/** Typed values keep the form they have in the message, so that they are sent again as they were. */
function tryDecode(message: Message, acceptContent: readonly string[]): TaskMessage | undefined {
  try {
    return decodeTaskMessage(message, { typedValues: false, acceptContent });
  } catch {
    // Pickle, or damaged: not ours to read.
    return undefined;
  }
}
