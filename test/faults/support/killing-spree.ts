import type { Lovage } from "lovage";
import type { Fleet, WorkerProcess } from "./fleet.js";
import { drained } from "./left.js";
import type { Rig } from "./rig.js";
import type { Run } from "./runs.js";
import { until } from "./until.js";

export interface SpreeOptions {
  readonly fleet: Fleet;
  readonly app: Lovage;
  readonly rig: Rig;
  readonly tasks: number;
  readonly pool: string;
  readonly concurrency: number;
  readonly queue: string;
  /** Seconds from the last kill after which the queue must be empty. */
  readonly drainSeconds: number;
}

export interface Spree {
  readonly ids: readonly string[];
  /** The workers that were killed, with when, in Unix milliseconds. */
  readonly killed: ReadonlyMap<string, number>;
  readonly runs: ReadonlyMap<string, readonly Run[]>;
  /** Messages still in the queue, in whatever state, once the time to drain it was over. */
  readonly stuck: number;
  /** Seconds from the kill of a worker until a task that it had run, but not acknowledged, had run again: the longest. */
  readonly recovery: number | undefined;
}

/** Kills in a spree. By what has been done rather than by time, so that a slow machine does no more than start workers. */
const KILLS = 25;
/** Seconds without any progress after which a spree is given up. */
const PROGRESS = 60;

/** Sends tasks to three workers, and kills one after the other with kill -9, another taking its place, while they run. */
export async function killingSpree(options: SpreeOptions): Promise<Spree> {
  const { fleet, app, tasks, pool, concurrency, queue, drainSeconds, rig } = options;
  const start = (): WorkerProcess => fleet.worker("--pool", pool, "--concurrency", String(concurrency));
  const workers = [start(), start(), start()];
  await Promise.all(workers.map((worker) => worker.ready));
  const ids = Array.from({ length: tasks }, (_, index) => `t${index}`);
  const sent = Promise.all(ids.map((id) => app.sendTask("faults.append", [id, 10])));

  const killed = new Map<string, number>();
  for (let turn = 0; turn < KILLS; turn++) {
    const due = Math.ceil((tasks / KILLS) * (turn + 0.5));
    await until(
      () => fleet.runs().size >= due,
      PROGRESS,
      () => `run ${due} (${fleet.runs().size} so far)`,
    );
    const slot = turn % workers.length;
    const victim = workers[slot];
    if (!victim) throw new Error("no worker");
    await victim.ready;
    killed.set(victim.name, Date.now());
    await victim.kill("SIGKILL");
    workers[slot] = start();
  }
  await until(
    () => fleet.runs().size >= tasks,
    PROGRESS,
    () => `the last run (${fleet.runs().size} so far)`,
  );
  await sent;
  const { ready, unacked, scheduled, dead } = await drained(app, rig, queue, drainSeconds);
  const stuck = ready + unacked + scheduled + dead;
  const runs = fleet.runs();
  return { ids, killed, runs, stuck, recovery: slowestReturn(runs, killed) };
}

function slowestReturn(
  runs: ReadonlyMap<string, readonly Run[]>,
  killed: ReadonlyMap<string, number>,
): number | undefined {
  const seconds = [...runs.values()].flatMap(([first, second]) => {
    const kill = first && killed.get(first.worker);
    return kill !== undefined && second ? [(second.at - kill) / 1000] : [];
  });
  return seconds.length === 0 ? undefined : Math.max(...seconds);
}
