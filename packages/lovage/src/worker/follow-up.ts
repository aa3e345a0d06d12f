import type { Lovage } from "../app.js";
import type { Broker } from "../brokers/broker.js";
import type { SendOptions } from "../call.js";
import { BrokerConnectionError } from "../errors.js";
import type { Ending } from "../outcome.js";
import { decodeJson } from "../protocol/content.js";
import { RawJson } from "../protocol/raw-json.js";
import type { SignatureData } from "../protocol/signature.js";
import { retryMessage } from "../protocol/task-message.js";
import type { ResultTuple } from "../protocol/task-meta.js";
import { callFromData } from "../signature.js";
import type { Execution } from "./execution.js";

/** Sends what a task's ending leads to: callbacks, the next step of its chain, its next try. */
export class FollowUp {
  readonly #app: Lovage;
  readonly #broker: Broker;

  constructor(app: Lovage, broker: Broker) {
    this.#app = app;
    this.#broker = broker;
  }

  async broker(): Promise<Broker> {
    return this.#broker;
  }

  /** Whether there is anything to send before the result is stored. */
  leadsOn({ message: { embed } }: Execution, ending: Ending): boolean {
    if (ending.state === "SUCCESS") return Boolean(embed.callbacks?.length || embed.chain?.length);
    return ending.state === "RETRY" && ending.retryAt !== undefined;
  }

  /**
   * What must be safe before the result is: a crash in between then repeats the task rather than forget what it leads to.
   * Returns what was sent, for the result's `children`. Source of the order: celery-protocol 7.2.
   */
  async beforeResult(execution: Execution, ending: Ending): Promise<readonly ResultTuple[]> {
    if (ending.state === "RETRY" && ending.retryAt) return await this.#sendRetry(execution, ending.retryAt);
    if (!this.leadsOn(execution, ending)) return [];
    const { callbacks, chain } = execution.message.embed;
    const result = ending.result instanceof RawJson ? decodeJson(ending.result.text) : ending.result;
    const sent = await Promise.all([
      ...(callbacks ?? []).map((each) => this.#send(each, [result], execution, {})),
      // The next step is the last element: chains travel reversed. Source: celery-protocol 6.3.
      ...(chain ?? [])
        .slice(-1)
        .map((next) => this.#send(next, [result], execution, { chain: (chain ?? []).slice(0, -1) })),
    ]);
    return sent.map((id) => [[id, null], null]);
  }

  /** Errbacks, called with the failed task's id. Source: celery-protocol 6.4, old style. One that cannot be sent is logged: the task has failed already. */
  async afterResult(execution: Execution, ending: Ending): Promise<void> {
    if (ending.state !== "FAILURE") return;
    const { errbacks } = execution.message.embed;
    await Promise.all((errbacks ?? []).map((each) => this.#sendErrback(each, execution)));
  }

  async #sendErrback(errback: SignatureData, execution: Execution): Promise<void> {
    try {
      await this.#send(errback, [execution.id], execution, {});
    } catch (error) {
      if (error instanceof BrokerConnectionError) throw error;
      this.#app.logger.error(`could not call the errback ${errback.task}`, {
        task: execution.id,
        error: String(error),
      });
    }
  }

  async #send(
    signature: SignatureData,
    given: readonly unknown[],
    execution: Execution,
    more: SendOptions,
  ): Promise<string> {
    const { request } = execution;
    const call = callFromData(signature, given);
    const family = {
      rootId: request.rootId,
      parentId: request.id,
      // The last result of a chain is for who sent the first task. Source: celery-protocol 5.5.
      ...(request.replyTo && { replyTo: request.replyTo }),
      ...this.#inheritedPriority(execution),
    };
    const sent = await this.#app.send({ ...call, options: { ...family, ...call.options, ...more } });
    return sent.id;
  }

  #inheritedPriority({ delivery }: Execution): { priority?: number } {
    const { priority } = delivery.message.properties;
    return this.#app.settings.taskInheritParentPriority && priority ? { priority } : {};
  }

  /** The next try: the same message to where it came from. Source: celery-protocol 7.5. */
  async #sendRetry(execution: Execution, eta: Date): Promise<readonly ResultTuple[]> {
    const { delivery, message } = execution;
    const route =
      delivery.exchange === ""
        ? { exchange: "", routingKey: delivery.queue }
        : { exchange: delivery.exchange, routingKey: delivery.routingKey };
    const { priority } = delivery.message.properties;
    await this.#broker.publish(retryMessage(delivery.message, message, { eta }), {
      ...route,
      eta,
      ...(priority !== undefined && { priority }),
    });
    return [[[execution.id, null], null]];
  }
}
