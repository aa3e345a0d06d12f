import { setTimeout as wait } from "node:timers/promises";
import type { Lovage } from "lovage";
import type { Rig } from "./rig.js";

/** What is still in a broker: in one queue by its state, and among the dead letters. */
export interface Left {
  readonly ready: number;
  readonly unacked: number;
  readonly scheduled: number;
  readonly dead: number;
}

export async function left(app: Lovage, queue = "celery"): Promise<Left> {
  const { queues } = await app.direct.broker();
  const [counts, dead] = await Promise.all([queues.counts(queue), queues.counts("lovage.dead-letters")]);
  return {
    ready: counts?.ready ?? 0,
    unacked: counts?.unacked ?? 0,
    scheduled: counts?.scheduled ?? 0,
    dead: dead?.ready ?? 0,
  };
}

export async function isEmpty(app: Lovage, queue = "celery"): Promise<boolean> {
  return Object.values(await left(app, queue)).every((count) => count === 0);
}

/** Waits at most `seconds` until nothing is left, and nothing has been for as long as counts lag; resolves with what is left then. */
export async function drained(app: Lovage, rig: Rig, queue: string, seconds: number): Promise<Left> {
  const deadlineMs = performance.now() + seconds * 1000;
  let emptySinceMs: number | undefined;
  for (;;) {
    const counted = await left(app, queue);
    const found = { ...counted, unacked: counted.unacked + (await rig.held(queue)) };
    const nowMs = performance.now();
    const empty = Object.values(found).every((count) => count === 0);
    emptySinceMs = empty ? (emptySinceMs ?? nowMs) : undefined;
    if (emptySinceMs !== undefined && nowMs - emptySinceMs >= rig.countsLag * 1000) return found;
    if (nowMs > deadlineMs) return found;
    await wait(100);
  }
}

/** So that what one test made is not counted again in the next one. */
export async function dropDeadLetters(app: Lovage): Promise<void> {
  const { queues } = await app.direct.broker();
  if (await queues.counts("lovage.dead-letters")) await queues.purge("lovage.dead-letters");
}
