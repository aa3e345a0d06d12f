import type { Execution } from "./execution.js";

/** What this worker has in hand, and what it has done: for `inspect`, `revoke` and heartbeats. */
export class Ledger {
  /** By task id. Two messages of one id may be here at once: both are kept. */
  readonly #executions = new Map<string, Set<Execution>>();
  readonly #totals = new Map<string, number>();
  #active = 0;
  #processed = 0;

  add(execution: Execution): void {
    const same = this.#executions.get(execution.id);
    if (same) same.add(execution);
    else this.#executions.set(execution.id, new Set([execution]));
  }

  remove(execution: Execution): void {
    const same = this.#executions.get(execution.id);
    if (!same?.delete(execution)) return;
    if (same.size === 0) this.#executions.delete(execution.id);
  }

  /** Counts a task that begins. Celery's `stats.total`. */
  countStarted(name: string): void {
    this.#active++;
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + 1);
  }
  countEnded(): void {
    this.#active--;
    this.#processed++;
  }

  find(id: string): readonly Execution[] {
    return [...(this.#executions.get(id) ?? [])];
  }
  all(): readonly Execution[] {
    return [...this.#executions.values()].flatMap((same) => [...same]);
  }
  /** Running now. */
  active(): readonly Execution[] {
    return this.all().filter((execution) => execution.run);
  }
  /** Held, and not running. */
  reserved(): readonly Execution[] {
    return this.all().filter((execution) => !execution.run);
  }

  get activeCount(): number {
    return this.#active;
  }
  /** Tasks that ended, however, since this worker began. */
  get processed(): number {
    return this.#processed;
  }
  /** Task name → how many began since this worker did. */
  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals);
  }
}
