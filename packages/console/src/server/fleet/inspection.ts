import type { Control } from "lovage";
import type { ContentsGuard } from "../ingest/contents-guard.js";
import { keptReply, QUESTIONS, type Question, type Replies } from "./worker-replies.js";

/** Answers by worker. */
export type Answers = ReadonlyMap<string, Replies>;

export interface InspectionOptions {
  readonly control: Control;
  readonly guard: ContentsGuard;
  /** Seconds that workers are given to answer. */
  readonly timeout: number;
}

/** Asks workers, all questions at once. Whoever asks the same while that is under way gets the same answer: the broker hears it once. */
export class Inspection {
  readonly #options: InspectionOptions;
  readonly #underWay = new Map<string, Promise<Answers>>();

  constructor(options: InspectionOptions) {
    this.#options = options;
  }

  /** Rejects with a `BrokerConnectionError` when the broker is away. `destination` undefined: all workers. */
  ask(
    questions: readonly Question[],
    { destination }: { readonly destination: readonly string[] | undefined },
  ): Promise<Answers> {
    const key = JSON.stringify([questions, destination ?? null]);
    const there = this.#underWay.get(key);
    if (there) return there;
    const asking = this.#ask(questions, destination).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asking);
    return asking;
  }

  async #ask(questions: readonly Question[], destination: readonly string[] | undefined): Promise<Answers> {
    const { control, guard, timeout } = this.#options;
    const target = destination === undefined ? { timeout } : { timeout, destination };
    const answers = new Map<string, { [Q in Question]?: unknown }>();
    await Promise.all(
      questions.map(async (question) => {
        const { method, args } = QUESTIONS[question];
        for (const [worker, reply] of await control.ask(method, args, target)) {
          const replies = answers.get(worker) ?? {};
          replies[question] = keptReply(question, reply, guard);
          answers.set(worker, replies);
        }
      }),
    );
    return answers;
  }
}
