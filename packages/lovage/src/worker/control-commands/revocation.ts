import type { ResultBackend } from "../../backends/backend.js";
import { TaskRevokedError } from "../../errors.js";
import { exceptionInfo } from "../../protocol/exception.js";
import { reprText, reprValue } from "../../protocol/repr.js";
import type { Execution } from "../execution.js";
import type { Worker } from "../worker.js";
import { type CommandContext, CommandError, type ControlCommands, ok } from "./command.js";

/** States of tasks that wait: in the others a task runs elsewhere and goes on, or is done. */
const WAITING_STATES: ReadonlySet<string> = new Set(["PENDING", "RECEIVED", "RETRY"]);
/** Results written at a time. */
const WRITES = 50;

/** Source: celery-protocol 7.6 and 9.4. */
export const REVOCATION_COMMANDS: ControlCommands = {
  revoke: {
    required: ["task_id"],
    run: (context) => revoke(context, context.args.flag("terminate")),
  },
  terminate: { required: ["signal", "task_id"], run: (context) => revoke(context, true) },
  abort: { required: ["task_id"], run: abort },
  revoke_by_stamped_headers: { required: ["headers"], run: revokeByStamps },
};

async function revoke({ worker, args }: CommandContext, terminate: boolean): Promise<object> {
  const ids = [...new Set(args.texts("task_id"))];
  const signal = terminate ? args.signal("signal", "SIGTERM") : undefined;
  const { revoked, ledger, executor } = worker.parts;
  for (const id of ids) revoked.add(id);
  const here = ids.flatMap((id) => ledger.find(id));
  for (const execution of here) executor.revoke(execution, signal);
  const hereIds = new Set(here.map(({ id }) => id));
  const elsewhere = ids.filter((id) => !hereIds.has(id));
  await storeRevoked(worker, elsewhere);
  if (!terminate) return ok(`tasks {${ids.map(reprText).join(", ")}} flagged as revoked`);
  return ok(hereIds.size === 0 ? "terminate: tasks unknown" : `terminate: ${[...hereIds].join(", ")}`);
}

/** Ours: asks running tasks to stop by their signal, and leaves them the time that takes. Those that wait are `revoke`'s. */
function abort({ worker, args }: CommandContext): object {
  const { ledger, executor } = worker.parts;
  const ids = [...new Set(args.texts("task_id"))];
  const asked = ids.filter((id) => ledger.find(id).some((execution) => executor.askToStop(execution)));
  return ok(asked.length === 0 ? "abort: tasks unknown" : `abort: ${asked.join(", ")}`);
}

/** Who waits for a task that nobody holds learns at once that it will not run. Celery 5.6 does so on every worker. */
async function storeRevoked(worker: Worker, ids: readonly string[]): Promise<void> {
  const { backend } = worker.parts;
  if (!backend) return;
  for (let at = 0; at < ids.length; at += WRITES) {
    const writes = await Promise.allSettled(
      ids.slice(at, at + WRITES).map((id) => storeOneRevoked(worker, backend, id)),
    );
    const failed = writes.find((each) => each.status === "rejected");
    if (failed) return worker.logger.warn("could not store revoked tasks", { error: String(failed.reason) });
  }
}

async function storeOneRevoked(worker: Worker, backend: ResultBackend, id: string): Promise<void> {
  const known = await backend.get(id);
  if (known && !WAITING_STATES.has(known.status)) return;
  await backend.store({
    taskId: id,
    status: "REVOKED",
    result: exceptionInfo(new TaskRevokedError("revoked")),
    traceback: null,
    children: null,
    dateDone: worker.clock.now(),
  });
}

function revokeByStamps({ worker, args }: CommandContext): object {
  const given = args.raw("headers");
  const stamps = parseStamps(given);
  const { revoked, ledger, executor } = worker.parts;
  for (const [name, values] of stamps) for (const value of values) revoked.addStamp(name, value);
  const terminate = args.flag("terminate");
  const signal = terminate ? args.signal("signal", "SIGTERM") : undefined;
  const matching = ledger.all().filter((execution) => matches(execution, stamps));
  for (const execution of matching) executor.revoke(execution, signal);
  if (!terminate) return ok(`headers ${reprValue(given)} flagged as revoked, but not terminated`);
  const terminated = stampsOf(matching, stamps);
  if (terminated.length === 0) return ok(`headers ${reprValue(given)} were not terminated`);
  // Celery shows the Python object it collected them in.
  return ok(`headers defaultdict(<class 'set'>, {${terminated.join(", ")}}) revoked`);
}

/** `{name: value or list}`, or a list of `name=value`. */
function parseStamps(given: unknown): ReadonlyMap<string, readonly string[]> {
  const pairs: (readonly [string, unknown])[] = Array.isArray(given)
    ? given.map(parsePair)
    : typeof given === "object" && given !== null
      ? Object.entries(given)
      : [];
  if (pairs.length === 0) {
    throw new CommandError(
      "ValueError",
      `headers must be an object or a list of name=value; got ${reprValue(given, 80)}`,
    );
  }
  const stamps = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    stamps.set(name, [...(stamps.get(name) ?? []), ...values.map(String)]);
  }
  return stamps;
}

function parsePair(text: unknown): readonly [string, string] {
  const at = typeof text === "string" ? text.indexOf("=") : -1;
  if (typeof text !== "string" || at < 1) {
    throw new CommandError("ValueError", `headers must be name=value; got ${reprValue(text, 80)}`);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function matches({ message }: Execution, stamps: ReadonlyMap<string, readonly string[]>): boolean {
  return [...stamps].some(([name, values]) => values.some((value) => carries(message.stamps[name], value)));
}

/** `'name': {'value'}` for each asked stamp that a running task carries. */
function stampsOf(executions: readonly Execution[], asked: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const running = executions.filter((execution) => execution.run);
  return [...asked].flatMap(([name, values]) => {
    const carried = values.filter((value) => running.some(({ message }) => carries(message.stamps[name], value)));
    return carried.length === 0 ? [] : [`${reprText(name)}: {${carried.map(reprText).join(", ")}}`];
  });
}

function carries(stamp: unknown, value: string): boolean {
  return Array.isArray(stamp) ? stamp.some((each) => String(each) === value) : String(stamp) === value;
}
