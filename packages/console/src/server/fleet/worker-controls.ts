import type { Fields } from "lovage/internal";
import type { CONTROLS, WorkerDetail, WorkerSummary } from "../../api/workers.js";
import { fieldsOf, type PoolFigures } from "./worker-snapshot.js";

type Controls = WorkerDetail["controls"];
type Control = (typeof CONTROLS)[number];

/** What a worker can do now, and in words why not what it cannot. */
export function controlsOf(
  worker: Pick<WorkerSummary, "kind" | "status">,
  figures: PoolFigures,
  conf: unknown,
): Controls {
  const refusals =
    worker.status === "offline" ? undefined : refusalsOf(worker.kind, figures, fieldsOf(conf), conf !== undefined);
  const of = (control: Control): Controls[Control] => {
    const reason = refusals ? (refusals[control] ?? null) : "it is offline";
    return { possible: reason === null, reason };
  };
  return {
    ping: of("ping"),
    refresh: of("refresh"),
    shutdown: of("shutdown"),
    "cold-shutdown": of("cold-shutdown"),
    events: of("events"),
    consumers: of("consumers"),
    "rate-limit": of("rate-limit"),
    "time-limit": of("time-limit"),
    grow: of("grow"),
    shrink: of("shrink"),
    autoscale: of("autoscale"),
    restart: of("restart"),
    terminate: of("terminate"),
    stop: of("stop"),
  };
}

function refusalsOf(
  kind: WorkerSummary["kind"],
  figures: PoolFigures,
  conf: Fields,
  confKnown: boolean,
): { readonly [C in Control]?: string } {
  const own = kind === "lovage" ? ourRefusals(figures) : celeryRefusals(figures.pool ?? "");
  const { autoscale } = figures;
  const fixed = autoscale ? "its size is set by autoscale: change that range instead" : undefined;
  const noRestarts =
    confKnown && conf.worker_pool_restarts !== true
      ? "pool restarts are not enabled on it (worker_pool_restarts)"
      : undefined;
  return {
    ...own,
    ...(fixed && { grow: fixed, shrink: fixed }),
    ...(!autoscale && { autoscale: "autoscale is not enabled on it: start it with --autoscale" }),
    ...(!own.restart && noRestarts && { restart: noRestarts }),
    ...(!own.shrink && !fixed && figures.slots === 1 && { shrink: "it has one slot, which stays" }),
  };
}

function ourRefusals({ pool, capabilities }: PoolFigures): { readonly [C in Control]?: string } {
  const resizable = capabilities ? capabilities.resizable === true : pool !== "solo";
  const fixed = `pool ${pool ?? "of it"} cannot change its size`;
  return {
    ...(!resizable && { grow: fixed, shrink: fixed }),
    ...(pool === "solo" && { restart: "pool solo runs tasks in the worker itself: restart the worker instead" }),
  };
}

const RESIZABLE: ReadonlySet<string> = new Set(["prefork", "gevent", "eventlet", "other", ""]);
const LIMITED: ReadonlySet<string> = new Set(["prefork", "other", ""]);

/** Source: celery/concurrency: only these pools have `grow`, `restart`, `terminate_job`, and enforce time limits. */
function celeryRefusals(pool: string): { readonly [C in Control]?: string } {
  const cannot = (what: string): string => `Celery's ${pool} pool ${what}`;
  return {
    "cold-shutdown": "Celery's workers know no cold shutdown by remote control: send them the signal SIGQUIT",
    stop: "Celery's workers cannot ask a task to stop: Terminate ends its process",
    ...(!RESIZABLE.has(pool) && { grow: cannot("cannot change its size"), shrink: cannot("cannot change its size") }),
    ...(!LIMITED.has(pool) && {
      "time-limit": cannot("does not enforce time limits"),
      restart: cannot("cannot be restarted"),
    }),
    ...((pool === "solo" || pool === "threads") && { terminate: cannot("cannot end a task that runs") }),
  };
}
