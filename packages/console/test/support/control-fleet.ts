import { Control, type Lovage } from "lovage";
import type { ActionOutcome } from "../../src/api/common.js";
import type { WorkerSummary } from "../../src/api/workers.js";
import type { Fleet } from "../../src/server/parts.js";
import { worker } from "./summaries.js";

type Listener = Parameters<Fleet["onChange"]>[0];

/** Workers as they answer remote control, asked when `refresh` is called. */
export class ControlFleet implements Fleet {
  readonly #control: Control;
  readonly #known = new Map<string, { summary: WorkerSummary; replies: Readonly<Record<string, unknown>> }>();
  readonly #listeners = new Set<Listener>();

  constructor(app: Lovage) {
    this.#control = new Control(app);
  }

  list(): readonly WorkerSummary[] {
    return [...this.#known.values()].map(({ summary }) => summary);
  }
  get(name: string): WorkerSummary | undefined {
    return this.#known.get(name)?.summary;
  }
  async detail(): Promise<undefined> {
    return undefined;
  }

  async refresh(): Promise<void> {
    const [queues, stats, active, registered] = await Promise.all(
      ["active_queues", "stats", "active", "registered"].map((method) =>
        this.#control.ask(method, {}, { timeout: 0.7 }),
      ),
    );
    for (const [name, answer] of queues ?? []) {
      const names = Array.isArray(answer) ? answer.map((each: { name: string }) => each.name) : [];
      const isNew = !this.#known.has(name);
      const summary = worker({
        name,
        kind: name.startsWith("celery") ? "celery" : "lovage",
        queues: names,
        figuresAt: new Date().toISOString(),
      });
      const replies = {
        active_queues: answer,
        stats: stats?.get(name),
        active: active?.get(name),
        registered: registered?.get(name),
      };
      this.#known.set(name, { summary, replies });
      for (const listener of this.#listeners) listener(summary, isNew ? "online" : "figures");
    }
    for (const [name, known] of this.#known)
      if (!queues?.has(name)) known.summary = { ...known.summary, status: "offline" };
  }

  async control(
    method: string,
    args: Readonly<Record<string, unknown>>,
    { destination }: { readonly destination?: readonly string[] },
  ): Promise<readonly ActionOutcome[]> {
    const answers = await this.#control.ask(method, args, { timeout: 2, ...(destination && { destination }) });
    return (destination ?? [...answers.keys()]).map((target) => outcomeOf(target, answers.get(target)));
  }
  async forget(name: string): Promise<boolean> {
    return this.#known.get(name)?.summary.status === "offline" && this.#known.delete(name);
  }
  registered(): ReadonlyMap<string, readonly { worker: string; kind: "lovage" | "celery" }[]> {
    return new Map();
  }
  replies(name: string): ReturnType<Fleet["replies"]> {
    const known = this.#known.get(name);
    return known && { at: new Date(), replies: known.replies };
  }
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function outcomeOf(target: string, answer: unknown): ActionOutcome {
  if (answer === undefined) return { target, outcome: "no-answer", detail: "did not answer" };
  const [[kind, detail] = ["", ""]] = Object.entries(answer ?? {});
  return { target, outcome: kind === "ok" ? "done" : "refused", detail: String(detail) };
}
