import type { WorkerList, WorkerSummary } from "./workers.js";

/** Sums over those that are online. Figures of workers that have gone silent are from then: they are not added up. */
export function totalsOf(workers: readonly WorkerSummary[]): Omit<WorkerList["totals"], "known"> {
  const online = workers.filter(({ status }) => status === "online");
  const sum = (of: (worker: WorkerSummary) => number | null): number =>
    online.reduce((total, worker) => total + (of(worker) ?? 0), 0);
  return {
    online: online.length,
    slots: sum(({ slots }) => slots),
    busy: sum(({ busy }) => busy),
    active: sum(({ active }) => active),
    reserved: sum(({ reserved }) => reserved),
    processed: sum(({ processed }) => processed),
    succeeded: sum(({ succeeded }) => succeeded),
    failed: sum(({ failed }) => failed),
    retried: sum(({ retried }) => retried),
  };
}
