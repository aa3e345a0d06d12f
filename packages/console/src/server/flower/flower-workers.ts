import { isFields } from "lovage/internal";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type User } from "../route.js";
import type { FlowerArguments } from "./flower-arguments.js";

/** `GET /api/workers`: what each worker answered last, under the names of the commands; with `status` whether it is there. */
export async function listWorkers(
  { fleet }: ConsoleParts,
  args: FlowerArguments,
  user: User,
): Promise<Readonly<Record<string, unknown>>> {
  const name = args.text("workername") || undefined;
  if (args.flag("refresh")) {
    await fleet.refresh(name).catch((error: unknown) => {
      throw new ApiError(503, "broker_unavailable", `Failed to update workers: ${textOf(error)}`, { cause: error });
    });
  }
  const known = fleet.list({ offline: true });
  if (args.flag("status")) return Object.fromEntries(known.map((worker) => [worker.name, worker.status === "online"]));
  if (name !== undefined && !known.some((worker) => worker.name === name)) throw unknownWorker(name);
  const wanted = known.filter((worker) => name === undefined || worker.name === name);
  return Object.fromEntries(wanted.map((worker) => [worker.name, snapshotOf(fleet.replies(worker.name), user)]));
}

/** Throws a 404 for a worker never heard of. */
export function requireWorker({ fleet }: ConsoleParts, name: string): void {
  if (!fleet.get(name)) throw unknownWorker(name);
}

function snapshotOf(
  last: ReturnType<ConsoleParts["fleet"]["replies"]>,
  { seesPayloads }: User,
): Readonly<Record<string, unknown>> {
  if (!last) return {};
  return {
    ...(seesPayloads ? last.replies : withoutArguments(last.replies)),
    ...(last.at && { timestamp: last.at.getTime() / 1000 }),
  };
}

/** The replies without what tasks were given, at every place where a worker tells it: `active`, `reserved`, `scheduled[].request`. */
function withoutArguments(replies: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(replies).map(([question, reply]: [string, unknown]) => [
      question,
      HOLD_TASKS.has(question) && Array.isArray(reply) ? reply.map(withoutArgumentsOf) : reply,
    ]),
  );
}

const HOLD_TASKS: ReadonlySet<string> = new Set(["active", "reserved", "scheduled"]);

function withoutArgumentsOf(task: unknown): unknown {
  if (!isFields(task)) return task;
  const { args: _args, kwargs: _kwargs, request, ...rest } = task;
  return { ...rest, ...(request !== undefined && { request: withoutArgumentsOf(request) }) };
}

function unknownWorker(name: string): ApiError {
  return new ApiError(404, "worker_unknown", `Unknown worker '${name}'`);
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
