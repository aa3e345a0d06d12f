import type { Worker } from "../worker.js";
import { type CommandContext, CommandError, type ControlCommands, ok, refused } from "./command.js";

/** Slots that one command adds at most: a slip of the keyboard must not fork the machine to death. */
const MAX_GROWTH = 1000;

/** Source: celery-protocol 9.4. The answer says that the change has begun; processes take their time. */
export const POOL_COMMANDS: ControlCommands = {
  pool_grow: { run: (context) => resize(context, "pool_grow", context.args.count("n", 1)) },
  pool_shrink: { run: (context) => resize(context, "pool_shrink", -context.args.count("n", 1)) },
  pool_restart: { run: restart },
  autoscale: { run: autoscale },
};

function resize({ worker, background }: CommandContext, command: string, by: number): object {
  const { pool, autoscaler } = worker.parts;
  if (autoscaler) return refused(`${command} is not supported with autoscale. Adjust autoscale range instead.`);
  refuseFixedSize(worker);
  if (by > MAX_GROWTH)
    throw new CommandError("ValueError", `a pool grows by at most ${MAX_GROWTH} at a time; got ${by}`);
  if (pool.size + by < 1) {
    throw new CommandError("ValueError", `a pool keeps at least one slot: it has ${pool.size}, ${-by} cannot go`);
  }
  background(command, changeSize(worker, by));
  return ok(by > 0 ? "pool will grow" : "pool will shrink");
}

async function changeSize(worker: Worker, by: number): Promise<void> {
  const { pool, consumer } = worker.parts;
  const changed = by > 0 ? pool.grow(by) : pool.shrink(-by);
  await consumer.setPrefetch(worker.prefetchFor(pool.size));
  await changed;
  worker.logger.info(`the pool has ${pool.size} slots now`);
}

function refuseFixedSize({ parts: { pool } }: Worker): void {
  if (pool.capabilities.resizable) return;
  throw new CommandError("ValueError", `pool ${pool.kind} cannot change its size: it has ${pool.size} slot`);
}

function restart({ worker, args, background }: CommandContext): object {
  if (!worker.app.settings.workerPoolRestarts) throw new CommandError("ValueError", "Pool restarts not enabled");
  if (worker.parts.pool.kind === "solo") {
    throw new CommandError("ValueError", "pool solo runs tasks in the worker itself: restart the worker instead");
  }
  // `modules` is Python's: here every process or thread loads the whole app anew.
  if (args.raw("modules") !== undefined) worker.logger.debug("pool_restart: modules are not looked at");
  background("pool_restart", worker.parts.pool.restart());
  return ok("reload started");
}

async function autoscale({ worker, args }: CommandContext): Promise<object> {
  const { autoscaler } = worker.parts;
  if (!autoscaler) throw new CommandError("ValueError", "Autoscale not enabled");
  const asked = {
    ...(args.raw("max") !== undefined && { max: args.count("max", 1) }),
    ...(args.raw("min") !== undefined && { min: args.count("min", 1) }),
  };
  const { max, min } = await autoscaler.setRange(asked);
  return ok(`autoscale now max=${max} min=${min}`);
}
