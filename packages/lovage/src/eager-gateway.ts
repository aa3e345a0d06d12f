import type { Route } from "./brokers/broker.js";
import type { SendOptions, TaskCall } from "./call.js";
import { ConfigurationError } from "./errors.js";
import type { Gateway, TransactionPlace } from "./gateway.js";
import { classify, type Ending, metaOf } from "./outcome.js";
import { decodeJson } from "./protocol/content.js";
import type { Message } from "./protocol/message.js";
import { RawJson } from "./protocol/raw-json.js";
import { isReady, propagates } from "./protocol/states.js";
import { decodeTaskMessage, type TaskMessage } from "./protocol/task-message.js";
import { decodeTaskMeta, encodeTaskMeta, errorFromMeta, type TaskMeta } from "./protocol/task-meta.js";
import type { RunOutcome } from "./request.js";
import { requestOf } from "./request-of.js";
import { type Execution, runTask, type TaskRegistry } from "./run-task.js";
import { callFromData } from "./signature.js";
import type { Clock } from "./util/clock.js";
import type { Logger } from "./util/logger.js";

export interface EagerGatewayOptions {
  readonly registry: TaskRegistry;
  /** Sends what a task leads to; eagerly again. */
  readonly send: (call: TaskCall) => Promise<unknown>;
  /** Throw a task's error from `delay()` itself. */
  readonly propagates: boolean;
  readonly acceptContent: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The gateway of `taskAlwaysEager`: what is sent runs at once, in the caller, through the same message and the same code as in a
 * worker. Retries follow one another without delay. Results are kept in memory, as Celery's EagerResult does.
 */
export class EagerGateway implements Gateway {
  readonly #options: EagerGatewayOptions;
  readonly #results = new Map<string, TaskMeta>();

  constructor(options: EagerGatewayOptions) {
    this.#options = options;
  }

  async send(message: Message, _route: Route): Promise<void> {
    const task = decodeTaskMessage(message, { acceptContent: this.#options.acceptContent });
    const ending = await this.#runToTheEnd(task);
    await this.#followUp(task, ending);
    const meta = this.#results.get(task.id);
    if (meta && propagates(meta.status) && this.#options.propagates) throw errorFromMeta(meta);
  }

  /** What is sent inside a transaction runs at once too. */
  async prepareTransaction(): Promise<TransactionPlace> {
    return { databaseId: "", replyTo: null };
  }
  async getResult(id: string): Promise<TaskMeta | undefined> {
    return this.#results.get(id);
  }
  async waitResult(id: string, _signal: AbortSignal): Promise<TaskMeta> {
    const meta = this.#results.get(id);
    if (meta) return meta;
    throw new ConfigurationError(
      `task ${id} was not run by this app: with taskAlwaysEager only its own tasks have results`,
      { code: "not_run_eagerly" },
    );
  }
  async storeResult(meta: TaskMeta): Promise<void> {
    // Through the text that a store would keep: what cannot be carried fails here too.
    this.#results.set(meta.taskId, decodeTaskMeta(encodeTaskMeta(meta)));
    for (const [oldest] of this.#results) {
      if (this.#results.size <= KEPT_RESULTS) return;
      this.#results.delete(oldest);
    }
  }
  async forgetResult(id: string): Promise<void> {
    this.#results.delete(id);
  }
  /** Nobody listens: there is no worker. */
  async control(): Promise<void> {}
  async close(): Promise<void> {
    this.#results.clear();
  }

  async #runToTheEnd(task: TaskMessage): Promise<Ending> {
    for (let retries = task.retries; ; retries++) {
      const request = { ...requestOf(task, EAGER_DELIVERY, NO_LIMITS, "eager"), retries };
      const outcome: RunOutcome = await runTask(this.#options.registry, request, this.#execution());
      const ending = classify(outcome, request, EAGER_RULES);
      const { state } = ending;
      if (state !== undefined) {
        await this.storeResult(
          metaOf({ ...ending, state }, request, this.#options.clock.now(), isReady(state), undefined),
        );
      }
      if (state !== "RETRY") return ending;
    }
  }

  async #followUp({ id, rootId, embed }: TaskMessage, ending: Ending): Promise<void> {
    const family: SendOptions = { rootId: rootId ?? id, parentId: id };
    const follow = async (signatures: TaskMessage["embed"]["callbacks"], given: unknown): Promise<void> => {
      for (const each of signatures ?? []) {
        const call = callFromData(each, [given]);
        await this.#options.send({ ...call, options: { ...family, ...call.options } });
      }
    };
    if (ending.state === "SUCCESS")
      await follow(embed.callbacks, ending.result instanceof RawJson ? decodeJson(ending.result.text) : null);
    if (ending.state === "FAILURE") await follow(embed.errbacks, id);
  }

  #execution(): Execution {
    const { logger } = this.#options;
    return {
      signal: new AbortController().signal,
      reporter: {
        onLog: ({ level, message, fields }) => logger[level](message, fields),
        onProgress: () => undefined,
        onState: () => undefined,
      },
    };
  }
}

/** The newest results that are kept, so that a long-running eager process does not grow. */
const KEPT_RESULTS = 10_000;

/** As handed to a worker for the first time, with no limits: there is nobody to end the caller. */
const EAGER_DELIVERY = { deliveries: 1, token: undefined, queue: "" } as const;
const NO_LIMITS = { hard: null, soft: null } as const;
const EAGER_RULES = {
  acksOnFailureOrTimeout: true,
  rejectOnWorkerLost: true,
  deliveriesUsedUp: false,
  revokeAsked: false,
} as const;
