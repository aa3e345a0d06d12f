import { LovageError } from "lovage";
import type { ActionOutcome } from "../../api/common.js";
import type { ActionDesk } from "../actions/action-desk.js";
import { phaseOf } from "../actions/task-phases.js";
import { ApiError } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import { derivedId } from "./derived-id.js";
import type { OperationTarget, StoredOperation, TargetOutcome } from "./operation-store.js";
import { isPassing } from "./passing-errors.js";

/** Acts on a few targets of an operation, by its kind. */
export class OperationActs {
  readonly #actions: ActionDesk;
  readonly #tasks: TaskStore;

  constructor({ actions, tasks }: { readonly actions: ActionDesk; readonly tasks: TaskStore }) {
    this.#actions = actions;
    this.#tasks = tasks;
  }

  /**
   * What became of each. What no longer is what it was counted for is skipped. Throws what passes by itself (a broker that is away):
   * nothing is settled then, and the targets are acted on again.
   */
  async actOn(operation: StoredOperation, targets: readonly OperationTarget[]): Promise<readonly TargetOutcome[]> {
    const ids = targets.map(({ target }) => target);
    const records = new Map((await this.#tasks.getMany(ids)).map((record) => [record.id, record]));
    const fitting = await this.#fitting(operation, ids);
    const settled: TargetOutcome[] = [];
    const due: OperationTarget[] = [];
    for (const each of targets) {
      const changed = fitting.has(each.target) ? undefined : changeOf(records.get(each.target));
      // What was begun before a restart may have changed because of that.
      if (changed === undefined || each.begun) due.push(each);
      else settled.push({ seq: each.seq, outcome: "skipped", detail: changed });
    }
    return [...settled, ...(await this.#act(operation, due, records))];
  }

  /**
   * Those that still are what the operation is for. A task that was counted as scheduled may be due by now, and means no other one;
   * one that was counted as waiting may run by now: a stop-all means it all the same.
   */
  async #fitting({ order, createdMs }: StoredOperation, ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (order.ids) return new Set(ids);
    const filter = order.kind === "stop-all" ? {} : (order.filter ?? {});
    return await this.#tasks.matching(filter, ids, createdMs);
  }

  async #act(
    operation: StoredOperation,
    due: readonly OperationTarget[],
    records: ReadonlyMap<string, TaskRecord>,
  ): Promise<readonly TargetOutcome[]> {
    switch (operation.kind) {
      case "rerun":
        return await Promise.all(due.map((each) => this.#rerun(operation, each)));
      case "retry":
        return await Promise.all(due.map((each) => this.#retry(operation, each, records.get(each.target))));
      default:
        return matched(due, await this.#order(operation, due));
    }
  }

  async #order(
    { kind, order, by }: StoredOperation,
    due: readonly OperationTarget[],
  ): Promise<readonly ActionOutcome[]> {
    const ids = due.map(({ target }) => target);
    if (ids.length === 0) return [];
    if (kind === "forget") return await this.#actions.forget(ids, by);
    if (kind === "revoke" || (kind === "stop-all" && !order.running)) return await this.#actions.revoke(ids, by);
    if (kind === "stop-all" && order.waiting) return await this.#actions.end(ids, order.signal, by);
    return await this.#actions.terminate(ids, order.signal, by);
  }

  async #rerun({ id, by }: StoredOperation, { seq, target, begun }: OperationTarget): Promise<TargetOutcome> {
    const newId = derivedId(id, target);
    if (begun && (await this.#tasks.get(newId))) return { seq, outcome: "done", detail: `re-run as ${newId}` };
    return await outcomeOf(seq, async () => {
      await this.#actions.rerun(target, { id: newId }, by);
      return `re-run as ${newId}`;
    });
  }

  async #retry(
    { by }: StoredOperation,
    { seq, target, begun }: OperationTarget,
    record: TaskRecord | undefined,
  ): Promise<TargetOutcome> {
    // Sent just before the console ended: it is on its way, or there already.
    const isUnderWay = record !== undefined && (phaseOf(record.state) !== "ended" || record.state === "SUCCESS");
    if (begun && isUnderWay && record.state !== "LOST") return { seq, outcome: "done", detail: "sent again" };
    return await outcomeOf(seq, async () => {
      await this.#actions.retry(target, by);
      return "sent again";
    });
  }
}

/** Why a task is no longer what it was when the operation was started. */
function changeOf(record: TaskRecord | undefined): string {
  return record ? `it does not match any more: it is ${record.state} now` : "its record is gone";
}

/** Refusals are outcomes; what passes by itself is thrown. */
async function outcomeOf(seq: number, act: () => Promise<string>): Promise<TargetOutcome> {
  try {
    return { seq, outcome: "done", detail: await act() };
  } catch (error) {
    if (isPassing(error) || !(error instanceof ApiError || error instanceof LovageError)) throw error;
    const changed = error.code === "retry_not_possible" || error.code === "no_record";
    return { seq, outcome: changed ? "skipped" : "failed", detail: error.message };
  }
}

/** The desk's outcomes by target: who did not answer, or refused, has failed it. */
function matched(due: readonly OperationTarget[], outcomes: readonly ActionOutcome[]): readonly TargetOutcome[] {
  const byTarget = new Map(outcomes.map((each) => [each.target, each]));
  return due.map(({ seq, target }) => {
    const found = byTarget.get(target);
    if (!found) return { seq, outcome: "failed", detail: "nobody told what became of it" };
    const outcome = found.outcome === "done" || found.outcome === "skipped" ? found.outcome : "failed";
    return { seq, outcome, detail: found.detail };
  });
}
