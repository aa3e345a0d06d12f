import type { Logger, Lovage } from "lovage";
import { newId } from "lovage/internal";
import type { ActionOutcome } from "../../api/common.js";
import type { SendTask } from "../../api/tasks.js";
import type { Fleet, Ingest, TaskActions } from "../parts.js";
import { ApiError, type User } from "../route.js";
import type { Database } from "../store/database.js";
import type { StoredEvent, TaskRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import { ArgumentFinder } from "./argument-finder.js";
import { type Answers, endedOutcome, revokedOutcome, sortAnswers } from "./control-replies.js";
import { type Arguments, areExact, type ExactArguments } from "./exact-arguments.js";
import { fromApiJson, objectFromApi } from "./exact-json.js";
import { lossWithoutMessage } from "./follow-ups.js";
import { canForget, canRevoke, canStop, canTerminate, mayRetry, terminationIn } from "./possible-actions.js";
import { NO_RECORD, SendingClaims } from "./sending-claims.js";
import { newsOfSending, rerunOptions, retryOptions, sendingOptions } from "./sending-options.js";
import { TaskSender, type TaskToSend } from "./task-sender.js";

/** Ids that one control request names at most: a broadcast goes to every worker, and stays small. */
const IDS_PER_REQUEST = 500;

export type Signal = "SIGTERM" | "SIGKILL";

export interface ActionDeskOptions {
  readonly app: Lovage;
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly fleet: Pick<Fleet, "control" | "get">;
  readonly ingest: Pick<Ingest, "learn" | "makeGood" | "forgotten">;
  readonly logger: Logger;
  /** The exact parameters of a job's run, by its root task's id: `JobBook.argumentsOf`. */
  readonly jobArguments?: (id: string) => Promise<Readonly<Record<string, unknown>> | undefined>;
  /** @default the system's */
  readonly now?: () => Date;
}

/** Acts on tasks: sends, revokes, stops, ends, repeats and forgets them, and says of each what was done, from the workers' answers. */
export class ActionDesk implements TaskActions {
  /** Where exact arguments are looked for; the task page shows what it finds. */
  readonly arguments: ArgumentFinder;
  readonly #sender: TaskSender;
  readonly #claims: SendingClaims;
  readonly #options: ActionDeskOptions;

  constructor(options: ActionDeskOptions) {
    const { app, database, logger, jobArguments } = options;
    this.#options = options;
    this.#sender = new TaskSender(app);
    this.#claims = new SendingClaims({ database, logger, now: () => this.#now() });
    this.arguments = new ArgumentFinder({ app, logger, jobArguments });
  }

  /** Makes its table. Idempotent. */
  async open(): Promise<void> {
    await this.#claims.open();
  }

  /**
   * Sends a task once its own schema takes its arguments. Throws an `ApiError`: 400 `validation` with `errors`, 409 `task_exists`,
   * and what the broker throws (`BrokerConnectionError` when it is away); nothing was sent then.
   */
  async send(task: SendTask, _by: User): Promise<{ readonly id: string }> {
    const { id = newId() } = task;
    const refusal = (): ApiError =>
      new ApiError(409, "task_exists", `there is a task ${id} already: leave the id out, or retry that task`);
    if (task.id !== undefined && (await this.#options.tasks.get(id))) throw refusal();
    const args = task.args.map(fromApiJson);
    const kwargs = objectFromApi(task.kwargs);
    await this.#sender.check({ name: task.name, args, kwargs });
    const call = { name: task.name, args, kwargs, options: { ...sendingOptions(task), taskId: id } };
    if (task.id === undefined) return await this.#dispatch(call);
    return await this.#claims.once(id, NO_RECORD, () => this.#dispatch(call), refusal);
  }

  /** For jobs: checks parameters as `send` does, naming members under `place`. */
  async check(name: string, kwargs: Readonly<Record<string, unknown>>, place: string): Promise<void> {
    await this.#sender.check({ name, args: [], kwargs }, place);
  }

  /** Sends what has been checked, and writes down at once what was sent, so that its page can be opened before its events come. */
  async dispatch(task: TaskToSend): Promise<{ readonly id: string }> {
    return await this.#dispatch(task);
  }

  async #dispatch(task: TaskToSend, news: Partial<TaskRecord> = {}): Promise<{ readonly id: string }> {
    // Before sending: a worker may have begun by the time the broker confirms.
    const sentAt = this.#now();
    await this.#sender.send(task);
    const id = task.options.taskId;
    try {
      await this.#options.ingest.learn(id, { ...newsOfSending(task, sentAt), ...news });
    } catch (error) {
      // It is on its way all the same: its own events will tell.
      this.#options.logger.warn("a task that was sent could not be noted", { task: id, error: String(error) });
    }
    return { id };
  }

  /** Tells all workers not to run these tasks. What runs or has ended is skipped. */
  async revoke(ids: readonly string[], by: User): Promise<readonly ActionOutcome[]> {
    const records = await this.#recordsOf(ids);
    return await this.#inParts(ids, async (part) => {
      const { able, skipped } = this.#sort(part, records, canRevoke);
      if (able.length === 0) return skipped;
      const replies = await this.#order("revoke", { task_id: able, terminate: false }, by);
      const answers = sortAnswers(replies);
      return [...skipped, ...able.map((id) => this.#revoked(id, records.get(id), answers))];
    });
  }

  /** Asks running tasks to stop, by their signal. Python's workers know no such command: refused, with the reason. */
  async stop(ids: readonly string[], by: User): Promise<readonly ActionOutcome[]> {
    const records = await this.#recordsOf(ids);
    return await this.#inParts(ids, async (part) => {
      const { able, skipped } = this.#sort(part, records, (record) => this.#canStop(record));
      if (able.length === 0) return skipped;
      const replies = await this.#order("abort", { task_id: able }, by);
      const told = (): string => "its signal is aborted; it ends when its code heeds that";
      const outcomes = able.map((id) => endedOutcome(id, holderOf(records.get(id)), replies, told));
      return [...skipped, ...(await this.#unlessEnded(outcomes))];
    });
  }

  /** Ends running tasks from outside, and says what that does in the worker's pool. What waits or has ended is skipped. */
  async terminate(ids: readonly string[], signal: Signal, by: User): Promise<readonly ActionOutcome[]> {
    const records = await this.#recordsOf(ids);
    return await this.#inParts(ids, async (part) => {
      const { able, skipped } = this.#sort(part, records, (record) => canTerminate(record, this.#workerOf(record)));
      if (able.length === 0) return skipped;
      const replies = await this.#order("revoke", { task_id: able, terminate: true, signal }, by);
      const outcomes = able.map((id) =>
        endedOutcome(id, holderOf(records.get(id)), replies, (worker) => this.#consequence(worker, signal)),
      );
      return [...skipped, ...(await this.#unlessEnded(outcomes))];
    });
  }

  /**
   * Ends tasks whether they wait or run, by one order, so that none slips through by starting meanwhile: those that wait are flagged as
   * revoked, those that run are terminated.
   */
  async end(ids: readonly string[], signal: Signal, by: User): Promise<readonly ActionOutcome[]> {
    const records = await this.#recordsOf(ids);
    return await this.#inParts(ids, async (part) => {
      const { able, skipped } = this.#sort(part, records, canEnd);
      if (able.length === 0) return skipped;
      const replies = await this.#order("revoke", { task_id: able, terminate: true, signal }, by);
      const answers = sortAnswers(replies);
      const outcomes = able.map((id) => {
        const holder = holderOf(records.get(id));
        const ended = endedOutcome(id, holder, replies, (worker) => this.#consequence(worker, signal));
        const record = records.get(id);
        const runs = record !== undefined && canTerminate(record, undefined).possible;
        return ended.outcome === "done" || runs ? ended : this.#revoked(id, record, answers);
      });
      return [...skipped, ...(await this.#unlessEnded(outcomes))];
    });
  }

  /**
   * Sends a task again under a new id, with exactly what it was sent with, but for `changes`. Throws an `ApiError`: 404 `no_record`,
   * 409 `arguments_not_known` with the reason, and what `send` throws.
   */
  async rerun(id: string, changes: Partial<SendTask>, _by: User): Promise<{ readonly id: string }> {
    const record = await this.#existing(id);
    const name = changes.name ?? record.name;
    if (name === null) throw argumentsNotKnown("its name is not known: no event has told it");
    const known =
      changes.args && changes.kwargs
        ? NO_ARGUMENTS
        : await this.#exactArguments(record, "changed, the rest is not known");
    const args = changes.args?.map(fromApiJson) ?? known.args;
    const kwargs = changes.kwargs ? objectFromApi(changes.kwargs) : known.kwargs;
    if (changes.name !== undefined || changes.args || changes.kwargs) await this.#sender.check({ name, args, kwargs });
    const taskId = changes.id ?? newId();
    const options = { ...rerunOptions(inQueue(record, known), changes, known.message), taskId };
    return await this.#dispatch({ name, args, kwargs, options }, { rerunOf: id });
  }

  /**
   * Sends a task that is over again under its own id, in its place in its family. Throws an `ApiError`: 409 `retry_not_possible` or
   * `arguments_not_known` with the reason, 404 `no_record`, and what `send` throws.
   */
  async retry(id: string, _by: User): Promise<{ readonly id: string }> {
    const record = await this.#existing(id);
    const may = mayRetry(record);
    if (!may.possible || record.name === null) throw retryNotPossible(id, may.reason ?? "");
    const known = await this.#exactArguments(record);
    const message = known.message ?? (await this.#messageOf(record));
    const loss = message ? null : lossWithoutMessage(record, await this.#options.tasks.events(id));
    if (loss !== null) throw retryNotPossible(id, loss);
    const { args, kwargs } = known;
    const call = {
      name: record.name,
      args,
      kwargs,
      options: { ...retryOptions(inQueue(record, known), message), taskId: id },
    };
    const refusal = (): ApiError => retryNotPossible(id, "it has just been sent again");
    return await this.#claims.once(id, record.version, () => this.#dispatch(call), refusal);
  }

  /** What a retry would leave out, in words; null when nothing. `found`: its arguments, `events`: of the task. */
  async lossOfRetry(record: TaskRecord, found: Arguments, events: readonly StoredEvent[]): Promise<string | null> {
    if (!mayRetry(record).possible || !areExact(found) || found.message) return null;
    const loss = lossWithoutMessage(record, events);
    return loss === null || (await this.#messageOf(record)) ? null : loss;
  }

  /** Removes what the console keeps of tasks that are over. What the result backend has stays. */
  async forget(ids: readonly string[], _by: User): Promise<readonly ActionOutcome[]> {
    const records = await this.#recordsOf(ids);
    const { able, skipped } = this.#sort(ids, records, canForget);
    const known = able.filter((id) => records.has(id));
    await this.#options.tasks.forget(known);
    this.#options.ingest.forgotten(known);
    return [
      ...skipped,
      ...able.map(
        (id): ActionOutcome =>
          records.has(id)
            ? { target: id, outcome: "done", detail: "its record is gone" }
            : { target: id, outcome: "skipped", detail: "there is no record of it" },
      ),
    ];
  }

  /** The record of a task, made out of the result backend where no event has told of it. */
  async #existing(id: string): Promise<TaskRecord> {
    const record = (await this.#options.tasks.get(id)) ?? (await this.#options.ingest.makeGood(id));
    if (!record) throw new ApiError(404, "no_record", `no record of task ${id}; it may have expired`);
    return record;
  }

  async #exactArguments(record: TaskRecord, besides?: string): Promise<ExactArguments> {
    const found = await this.arguments.find(record);
    if (areExact(found)) return found;
    throw argumentsNotKnown(found.reason, besides);
  }

  /** Its message, where it can still be looked at: it alone knows the task's callbacks and what follows in its chain. */
  async #messageOf(record: TaskRecord): Promise<ExactArguments["message"]> {
    return await this.arguments.decodedMessage(record);
  }

  async #recordsOf(ids: readonly string[]): Promise<ReadonlyMap<string, TaskRecord>> {
    const records = await this.#options.tasks.getMany(ids);
    return new Map(records.map((record) => [record.id, record]));
  }

  /** Tasks that an action fits, and what is said of the others. One that is not known may be known to a worker. */
  #sort(
    ids: readonly string[],
    records: ReadonlyMap<string, TaskRecord>,
    fits: (record: TaskRecord) => {
      readonly possible: boolean;
      readonly reason: string | null;
      readonly refused?: boolean;
    },
  ): { readonly able: readonly string[]; readonly skipped: readonly ActionOutcome[] } {
    const able: string[] = [];
    const skipped: ActionOutcome[] = [];
    for (const id of new Set(ids)) {
      const record = records.get(id);
      const fit = record ? fits(record) : ABLE;
      if (fit.possible) able.push(id);
      else skipped.push({ target: id, outcome: fit.refused ? "refused" : "skipped", detail: fit.reason ?? "" });
    }
    return { able, skipped };
  }

  /** A worker that cannot do it has refused; a task that is over has been skipped. */
  #canStop(record: TaskRecord): ReturnType<typeof canStop> & { readonly refused: boolean } {
    const unfit = canStop(record, undefined);
    return unfit.possible
      ? { ...canStop(record, this.#workerOf(record)), refused: true }
      : { ...unfit, refused: false };
  }

  /** A worker that has been away for minutes has nothing any more, mostly: it is named, and the others' word counts. */
  #revoked(id: string, record: TaskRecord | undefined, answers: Answers): ActionOutcome {
    const holder = holderOf(record);
    if (holder === null || this.#options.fleet.get(holder)?.status !== "offline") {
      return revokedOutcome(id, holder, answers);
    }
    const outcome = revokedOutcome(id, null, answers);
    return { ...outcome, detail: `${outcome.detail}; ${holder}, which had it, is offline` };
  }

  /** Between the look and the order a task may have ended by itself: that is no refusal. */
  async #unlessEnded(outcomes: readonly ActionOutcome[]): Promise<readonly ActionOutcome[]> {
    const undone = outcomes.filter(({ outcome }) => outcome === "refused").map(({ target }) => target);
    if (undone.length === 0) return outcomes;
    const records = await this.#recordsOf(undone);
    return outcomes.map((each) => {
      const record = each.outcome === "refused" ? records.get(each.target) : undefined;
      const end = record && canEnd(record);
      return end && !end.possible ? { ...each, outcome: "skipped", detail: end.reason ?? "" } : each;
    });
  }

  async #order(method: string, args: Readonly<Record<string, unknown>>, by: User): Promise<readonly ActionOutcome[]> {
    return await this.#options.fleet.control(method, args, { by });
  }

  async #inParts(
    ids: readonly string[],
    act: (part: readonly string[]) => Promise<readonly ActionOutcome[]>,
  ): Promise<readonly ActionOutcome[]> {
    const outcomes: ActionOutcome[] = [];
    for (let at = 0; at < ids.length; at += IDS_PER_REQUEST) {
      outcomes.push(...(await act(ids.slice(at, at + IDS_PER_REQUEST))));
    }
    return outcomes;
  }

  #workerOf({ worker }: TaskRecord): ReturnType<Fleet["get"]> {
    return worker === null ? undefined : this.#options.fleet.get(worker);
  }

  #consequence(worker: string, signal: Signal): string {
    return terminationIn(this.#options.fleet.get(worker)?.pool ?? null, signal);
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

const ABLE = { possible: true, reason: null } as const;
const NO_ARGUMENTS: ExactArguments = { args: [], kwargs: {}, source: "event" };

function canEnd(record: TaskRecord): { readonly possible: boolean; readonly reason: string | null } {
  const revoke = canRevoke(record);
  return revoke.possible ? revoke : canTerminate(record, undefined);
}

function holderOf(record: TaskRecord | undefined): string | null {
  return record?.worker ?? null;
}

function retryNotPossible(id: string, reason: string): ApiError {
  return new ApiError(409, "retry_not_possible", `task ${id} cannot be retried: ${reason}`);
}

function argumentsNotKnown(reason: string, besides?: string): ApiError {
  const rest = besides === undefined ? "" : `; what is not ${besides}`;
  return new ApiError(409, "arguments_not_known", `it cannot be sent again as it was: ${reason}${rest}`);
}

/** The record with its queue, where only the source of its arguments has told that. */
function inQueue(record: TaskRecord, { queue }: Pick<ExactArguments, "queue">): TaskRecord {
  return record.queue === null && queue !== undefined ? { ...record, queue } : record;
}
