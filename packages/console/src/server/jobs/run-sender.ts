import type { Logger, Lovage } from "lovage";
import { encodeJson, JOB_HEADER, JOB_RUN_HEADER, type JobDefinition, newId } from "lovage/internal";
import type { ActionDesk } from "../actions/action-desk.js";
import { isObject, objectFromApi, readExactObject } from "../actions/exact-json.js";
import { redactValue } from "../ingest/redact.js";
import { ApiError } from "../route.js";
import type { TaskStore } from "../store/task-store.js";
import { parametersOf } from "./job-form.js";
import { type NewRun, type RunStore, type RunToSend, type StoredRun, WAITING } from "./run-store.js";

/** Milliseconds after which a run is sent by another console, whose own vanished while it was about to. */
const UNSENT_MS = 30_000;

type Fields = Readonly<Record<string, unknown>>;

export interface RunSenderOptions {
  readonly app: Lovage;
  readonly runs: RunStore;
  readonly tasks: Pick<TaskStore, "get">;
  readonly actions: Pick<ActionDesk, "check" | "dispatch">;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** Starts runs: checks their parameters, keeps to the job's concurrency, and sends their tasks, once each. */
export class RunSender {
  readonly #options: RunSenderOptions;

  constructor(options: RunSenderOptions) {
    this.#options = options;
  }

  /**
   * Starts a run. Throws an `ApiError`: 400 `validation` with `errors` (`parameters.url`), 409 `run_in_the_way` when the job runs and its
   * concurrency is `skip`; and what the broker throws. Nothing was sent then, and no number is used up.
   * @param given as the API has it @param by who asked
   */
  async start(job: JobDefinition, given: Fields, by: string): Promise<StoredRun> {
    const parameters = parametersOf(job, given);
    const kwargs = objectFromApi(parameters);
    await this.#options.actions.check(job.task, kwargs, "parameters");
    const run: NewRun = {
      id: newId(),
      job: job.slug,
      by,
      parameters: this.#shown(job.task, parameters),
      callJson: encodeJson({ task: job.task, kwargs, queue: job.queue }),
      nowMs: this.#nowMs(),
    };
    return job.concurrency === "queue" ? await this.#queue(run) : await this.#startNow(run, job);
  }

  async #startNow(run: NewRun, { concurrency, slug }: JobDefinition): Promise<StoredRun> {
    const { runs } = this.#options;
    const added = await runs.add(run, { state: "PENDING", alone: concurrency === "skip" });
    if (!added) throw await this.#inTheWay(slug);
    try {
      await this.#send({ id: run.id, job: slug, callJson: run.callJson ?? "" });
    } catch (error) {
      await runs.remove(run.id);
      throw error;
    }
    return added;
  }

  async #inTheWay(slug: string): Promise<ApiError> {
    const other = await this.#options.runs.firstOpen(slug);
    // It may have ended since.
    const which = other ? `run ${other.number} (${other.id}) is ${other.state}` : "another run was in the way";
    return new ApiError(409, "run_in_the_way", `${slug} was not started: ${which}, and it runs one at a time`, {
      ...(other && { errors: [{ path: "run", message: other.id }] }),
    });
  }

  async #queue(run: NewRun): Promise<StoredRun> {
    const { runs } = this.#options;
    const added = await runs.add(run, { state: WAITING, alone: false });
    await this.giveTurn(run.job);
    const found = (await runs.get(run.id)) ?? added;
    if (!found) throw new Error(`run ${run.id} was stored and is not there`);
    return found;
  }

  /** Sends the next waiting run of a job, unless one is under way. */
  async giveTurn(job: string): Promise<void> {
    const next = await this.#options.runs.claimTurn(job, this.#nowMs());
    if (next) await this.#sendLater(next);
  }

  /** Sends what should have been sent: runs whose turn has come, and those whose console vanished over it. */
  async catchUp(): Promise<void> {
    const { runs } = this.#options;
    const nowMs = this.#nowMs();
    for (const run of await runs.claimUnsent(nowMs - UNSENT_MS, nowMs)) await this.#sendLater(run);
    for (const job of await runs.jobsWithTurn()) await this.giveTurn(job);
  }

  /** What cannot be sent now is tried again by `catchUp`. */
  async #sendLater(run: RunToSend): Promise<void> {
    const { runs, tasks, logger } = this.#options;
    try {
      const known = await tasks.get(run.id);
      // Its message had gone out before the console could note that.
      if (known && known.sentMs !== null) await runs.sent(run.id);
      else await this.#send(run);
    } catch (error) {
      logger.warn("a run could not be sent yet", { job: run.job, run: run.id, error: String(error) });
    }
  }

  async #send({ id, job, callJson }: RunToSend): Promise<void> {
    const call = readExactObject(callJson);
    if (!call || typeof call.task !== "string" || !isObject(call.kwargs)) throw new Error(`run ${id} has no call`);
    const { task, kwargs, queue } = call;
    const headers = { [JOB_HEADER]: job, [JOB_RUN_HEADER]: id };
    const options = { taskId: id, headers, ...(typeof queue === "string" && { queue }) };
    await this.#options.actions.dispatch({ name: String(task), args: [], kwargs, options });
    await this.#options.runs.sent(id);
  }

  /** Parameters as they may be kept and shown: without secrets, and without what the app's own `redact` takes out. */
  #shown(task: string, parameters: Fields): Fields {
    const masked = redactValue(parameters).value;
    const plain = isObject(masked) ? masked : {};
    const { redact } = this.#options.app;
    if (!redact) return plain;
    try {
      const { kwargs } = redact({ name: task, args: [], kwargs: plain, result: undefined });
      return isObject(kwargs) ? kwargs : {};
    } catch (error) {
      this.#options.logger.warn("the app's redact() threw: parameters of a run are hidden", {
        task,
        error: String(error),
      });
      return {};
    }
  }

  #nowMs(): number {
    return this.#options.now().getTime();
  }
}
