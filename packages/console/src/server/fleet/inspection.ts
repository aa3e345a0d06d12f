import type { Control } from "lovage";
import type { ContentsGuard } from "../ingest/contents-guard.js";
import { countIn, keptReply, type ListCounts, QUESTIONS, type Question, type Replies } from "./worker-replies.js";

export interface Answers {
  readonly byWorker: ReadonlyMap<string, Replies>;
  /** Workers that were given an order while they were being asked: what they said may be from before it. */
  readonly outdated: ReadonlySet<string>;
}

interface UnderWay {
  readonly outdated: Set<string>;
  readonly answers: Promise<Answers>;
}

export interface InspectionOptions {
  readonly control: Control;
  readonly guard: ContentsGuard;
  /** Seconds that workers are given to answer. */
  readonly timeout: number;
}

/** Asks workers, all questions at once. Whoever asks the same while that is under way gets the same answer: the broker hears it once. */
export class Inspection {
  readonly #options: InspectionOptions;
  /** What those who ask now may share, by what is asked. */
  readonly #shared = new Map<string, UnderWay>();
  readonly #underWay = new Set<UnderWay>();

  constructor(options: InspectionOptions) {
    this.#options = options;
  }

  /** Rejects with a `BrokerConnectionError` when the broker is away. `destination` undefined: all workers. */
  ask(
    questions: readonly Question[],
    { destination }: { readonly destination: readonly string[] | undefined },
  ): Promise<Answers> {
    const key = JSON.stringify([questions, destination ?? null]);
    const there = this.#shared.get(key);
    if (there) return there.answers;
    const outdated = new Set<string>();
    const asking = this.#ask(questions, destination);
    const answers = asking.then((byWorker) => ({ byWorker, outdated })).finally(() => this.#conclude(key, underWay));
    const underWay: UnderWay = { outdated, answers };
    this.#shared.set(key, underWay);
    this.#underWay.add(underWay);
    return answers;
  }

  /** These workers were given an order: what was asked before it is shared no longer, and is known to be out of date. */
  outdate(workers: readonly string[]): void {
    this.#shared.clear();
    for (const { outdated } of this.#underWay) for (const worker of workers) outdated.add(worker);
  }

  #conclude(key: string, underWay: UnderWay): void {
    this.#underWay.delete(underWay);
    if (this.#shared.get(key) === underWay) this.#shared.delete(key);
  }

  async #ask(questions: readonly Question[], destination: readonly string[] | undefined): Promise<Answers["byWorker"]> {
    const { control, guard, timeout } = this.#options;
    const target = destination === undefined ? { timeout } : { timeout, destination };
    const answers = new Map<string, { [Q in Question]?: unknown } & { counts?: ListCounts }>();
    await Promise.all(
      questions.map(async (question) => {
        const { method, args } = QUESTIONS[question];
        for (const [worker, reply] of await control.ask(method, args, target)) {
          const replies = answers.get(worker) ?? {};
          replies[question] = keptReply(question, reply, guard);
          replies.counts = { ...replies.counts, ...countIn(question, reply) };
          answers.set(worker, replies);
        }
      }),
    );
    return answers;
  }
}
