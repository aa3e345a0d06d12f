import type { Broker } from "../brokers/broker.js";
import { withDeadline } from "../util/deadline.js";
import type { TaskConsumer } from "./consumer.js";

export interface ReadinessOptions {
  /** What of the running worker is looked at; undefined while there is none. */
  readonly parts: () => { readonly broker: Broker; readonly consumer: TaskConsumer } | undefined;
  readonly phase: () => "starting" | "running" | "stopping";
}

/** Seconds within which a healthy broker answers a question about one queue. */
const ANSWER_TIMEOUT = 2;
/** Milliseconds for which an answer is good enough for the next who asks: nobody can load the broker by asking. */
const ANSWER_AGE_MS = 1000;

/**
 * Whether a worker takes messages from its queues. Two things say so, for every broker alike: its consumer, which knows what went wrong
 * the last time, and the broker itself, which must answer a question now. A connection that is open but dead fails the second.
 */
export class Readiness {
  readonly #options: ReadinessOptions;
  #asked: { readonly atMs: number; readonly answer: Promise<string | undefined> } | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Why it is not ready, in sentences for people; none when it is. Answers within `ANSWER_TIMEOUT`; never rejects. */
  async reasons(): Promise<readonly string[]> {
    const parts = this.#options.parts();
    const phase = this.#options.phase();
    if (phase === "stopping") return ["the worker is shutting down"];
    if (phase === "starting" || !parts) return ["the worker is starting"];
    const { consumer, broker } = parts;
    const answer = await this.#askedLately(broker, consumer.queues[0]?.name);
    // What the consumer says is read last: the answer may have been long in coming.
    return [consumer.trouble, answer].filter((each) => each !== undefined);
  }

  #askedLately(broker: Broker, queue: string | undefined): Promise<string | undefined> {
    if (queue === undefined) return Promise.resolve(undefined);
    const nowMs = performance.now();
    if (!this.#asked || nowMs - this.#asked.atMs > ANSWER_AGE_MS) {
      this.#asked = { atMs: nowMs, answer: ask(broker, queue) };
    }
    return this.#asked.answer;
  }
}

async function ask(broker: Broker, queue: string): Promise<string | undefined> {
  const late = (): Error => new Error(`it did not answer within ${ANSWER_TIMEOUT} s`);
  try {
    const counts = await withDeadline(broker.queues.counts(queue), ANSWER_TIMEOUT, late);
    return counts ? undefined : `the queue ${queue} does not exist`;
  } catch (error) {
    return `the broker cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}
