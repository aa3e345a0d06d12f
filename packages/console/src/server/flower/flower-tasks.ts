import { setImmediate } from "node:timers/promises";
import type { ConsoleParts } from "../parts.js";
import { ApiError, type User } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";
import type { StoreFilter } from "../store/task-store.js";
import { badArgument, type FlowerArguments } from "./flower-arguments.js";
import { flowerRecord } from "./flower-record.js";

/** Flower keeps 10,000 tasks in memory: a request without a limit gets no more here either. */
const MOST_TASKS = 10_000;
/** Tasks that a request may pass over: each is read on the way. */
const MOST_OFFSET = 100_000;
const PAGE = 500;
const SORTS: ReadonlySet<string> = new Set(["name", "state", "received", "started"]);

/** `GET /api/tasks`: id → task, newest first unless sorted. */
export async function listTasks(
  { tasks }: ConsoleParts,
  args: FlowerArguments,
  user: User,
): Promise<Readonly<Record<string, unknown>>> {
  const offset = args.count("offset", 0);
  const limit = Math.min(args.count("limit", MOST_TASKS), MOST_TASKS);
  if (offset > MOST_OFFSET) throw badArgument(`offset is ${offset}: at most ${MOST_OFFSET} tasks are passed over`);
  const filter = { ...filterOf(args), searchesPayloads: user.seesPayloads };
  const sort = sortOf(args.text("sort_by"));
  const found: TaskRecord[] = [];
  let cursor: string | undefined;
  for (let passed = 0; passed < offset + limit; ) {
    const page = await tasks.list({ filter, sort, limit: Math.min(PAGE, offset + limit - passed), cursor });
    found.push(...page.records.slice(Math.max(0, offset - passed)));
    passed += page.records.length;
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
    // A database in this process answers in the same turn: others want theirs.
    await setImmediate();
  }
  const wanted = await withChildren(tasks, found);
  // A task may be named `__proto__`.
  return Object.fromEntries(wanted.map(([record, children]) => [record.id, shown(record, children, user)]));
}

/** `GET /api/task/info/{id}`. */
export async function taskInfo(
  { tasks }: ConsoleParts,
  id: string,
  user: User,
): Promise<Readonly<Record<string, unknown>>> {
  const record = await tasks.get(id);
  if (!record) throw new ApiError(404, "task_unknown", `Unknown task '${id}'`);
  return shown(record, await tasks.childrenOf(id, MOST_CHILDREN), user);
}

/** `GET /api/task/types`: names of the tasks seen. */
export async function taskTypes({ tasks }: ConsoleParts): Promise<Readonly<Record<string, unknown>>> {
  const seen = await tasks.taskTypes(0);
  return { "task-types": seen.map(({ name }) => name).sort() };
}

const MOST_CHILDREN = 500;
/** Lists longer than this are shown without their tasks' children: one question each would be too many. */
const MOST_WITH_CHILDREN = 100;

async function withChildren(
  tasks: ConsoleParts["tasks"],
  records: readonly TaskRecord[],
): Promise<readonly (readonly [TaskRecord, readonly string[]])[]> {
  if (records.length > MOST_WITH_CHILDREN) return records.map((record) => [record, []]);
  return await Promise.all(
    records.map(
      async (record): Promise<readonly [TaskRecord, readonly string[]]> => [
        record,
        await tasks.childrenOf(record.id, MOST_CHILDREN),
      ],
    ),
  );
}

function shown(record: TaskRecord, children: readonly string[], user: User): Readonly<Record<string, unknown>> {
  return { ...flowerRecord(record, user.seesPayloads), children };
}

function filterOf(args: FlowerArguments): StoreFilter {
  const from = args.minute("received_start");
  const to = args.minute("received_end");
  const of = (name: string): string | undefined => {
    const value = args.text(name);
    return value === undefined || value === "" || value === "All" ? undefined : value;
  };
  const [q, name, worker, state] = [args.text("search"), of("taskname"), of("workername"), of("state")];
  return {
    ...(q !== undefined && q !== "" && { q }),
    ...(name !== undefined && { name }),
    ...(worker !== undefined && { worker }),
    ...(state !== undefined && { state }),
    ...(from && { receivedFrom: from.toISOString() }),
    ...(to && { receivedTo: to.toISOString() }),
  };
}

function sortOf(given: string | undefined): string {
  if (given === undefined || given === "") return "-received";
  if (SORTS.has(given.replace(/^-/, ""))) return given;
  throw badArgument(`sort_by is ${JSON.stringify(given.slice(0, 60))} where one of ${[...SORTS].join(", ")} belongs`);
}
