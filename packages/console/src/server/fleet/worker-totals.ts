import type { WorkerList, WorkerSummary } from "../../api/workers.js";

/** Sums over those that are online. Figures of workers that have gone silent are from then: they are not added up. */
export function totalsOf(items: readonly WorkerSummary[], known: number): WorkerList["totals"] {
  const online = items.filter(({ status }) => status === "online");
  const sum = (of: (worker: WorkerSummary) => number | null): number =>
    online.reduce((total, worker) => total + (of(worker) ?? 0), 0);
  return {
    online: online.length,
    known,
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
