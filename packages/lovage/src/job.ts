import { type ApplyOptions, sendOptions } from "./call.js";
import { ConfigurationError } from "./errors.js";
import { ORIGIN_HEADERS } from "./protocol/event-facts.js";
import type { AsyncResult } from "./result.js";
import { type InputTask, passesKwargs, type TaskHome } from "./task.js";
import { newId } from "./util/ids.js";

/** What happens to a run that is asked for while another one of the same job goes on. */
export const JOB_CONCURRENCIES = ["allow", "skip", "queue"] as const;
export type JobConcurrency = (typeof JOB_CONCURRENCIES)[number];

/** A saved use of a task. `Fixed` and `Defaulted` are the names of its input that the job sets. */
export interface JobOptions<
  Input,
  Fixed extends keyof Input = never,
  Defaulted extends Exclude<keyof Input, Fixed> = never,
  Result = unknown,
> extends JobManners {
  /** A task whose one object travels as kwargs: one with an `input` schema, or a remote one that passes kwargs. */
  readonly task: InputTask<Input, Result>;
  /** Parameters that every run has; nobody is asked for them, and no run may have others. */
  readonly fixed?: Pick<Input, Fixed>;
  /** Parameters of runs that do not say otherwise; the console's form begins with them. */
  readonly defaults?: Pick<Input, Defaulted>;
  /** The parameters that the console's form asks for. @default all that are not fixed */
  readonly asked?: readonly (string & Exclude<keyof Input, Fixed>)[];
}

/** A saved use of a task that is known by name only: its parameters travel as kwargs, and are not checked. */
export interface NamedJobOptions extends JobManners {
  /** The task's name. */
  readonly task: string;
  readonly fixed?: Parameters;
  readonly defaults?: Parameters;
  readonly asked?: readonly string[];
}

/** How a job is shown and run, whatever its task. */
export interface JobManners {
  /** What people call it. @default the slug */
  readonly title?: string;
  /** One or two sentences for people. @default the task's */
  readonly description?: string;
  /**
   * What becomes of a run that is asked for while another one goes on: it runs beside it, is refused, or waits for its end.
   * The console keeps this, for the runs that are started there; `run` sends at once, always.
   * @default "allow"
   */
  readonly concurrency?: JobConcurrency;
  /** Where its runs go, instead of the task's own queue. */
  readonly queue?: string;
}

type Parameters = Readonly<Record<string, unknown>>;

/** What a run must be given: the task's input without what is fixed; what has a default may be left out. */
export type JobParameters<Input, Fixed extends keyof Input, Defaulted extends keyof Input> = Omit<
  Input,
  Fixed | Defaulted
> &
  Partial<Pick<Input, Defaulted>>;

/** The parameters, which may be left out where none is needed, and the options of this one run. */
type RunArguments<Given, Result> =
  Partial<Given> extends Given
    ? [parameters?: Given, options?: ApplyOptions<Result>]
    : [parameters: Given, options?: ApplyOptions<Result>];

/** A job, to be run. */
export interface Job<Given, Result> {
  /** Names it in paths and on messages. */
  readonly slug: string;
  /**
   * Sends the task, once, whatever `concurrency` says. The task's id is the run's. Resolves once the broker holds the message; rejects
   * with a `ValidationError` when the parameters do not fit the task's schema, and with a `ConfigurationError`
   * (`job_parameter_fixed`) when they set what the job fixes.
   */
  run(...given: RunArguments<Given, Result>): Promise<AsyncResult<Result>>;
}

/** A job as data: what the console shows, and starts runs from. */
export interface JobDefinition {
  readonly slug: string;
  readonly title: string;
  /** The task's name. */
  readonly task: string;
  readonly description: string | null;
  readonly fixed: Parameters;
  readonly defaults: Parameters;
  /** Null asks for all that are not fixed. */
  readonly asked: readonly string[] | null;
  readonly concurrency: JobConcurrency;
  /** Null for the task's own. */
  readonly queue: string | null;
}

/** A job's options once the compiler has checked them. */
export interface OpenJobOptions extends Omit<NamedJobOptions, "task"> {
  readonly task: string | OpenTask;
}
interface OpenTask {
  readonly name: string;
  applyAsync(input: Parameters, options: ApplyOptions): Promise<AsyncResult<unknown>>;
}

/** Headers by which a run's message names its job and itself. */
export const JOB_HEADER = ORIGIN_HEADERS.job;
export const JOB_RUN_HEADER = ORIGIN_HEADERS.job_run;

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The jobs of an app. */
export class Jobs {
  readonly #home: TaskHome;
  readonly #definitions = new Map<string, JobDefinition>();

  constructor(home: TaskHome) {
    this.#home = home;
  }

  /** Throws a `ConfigurationError`: `bad_job`, or `job_registered_twice`. */
  add(slug: string, options: OpenJobOptions): Job<Parameters, unknown> {
    const definition = define(slug, options);
    if (this.#definitions.has(slug)) {
      throw new ConfigurationError(`job ${slug} is registered already: slugs are unique in an app`, {
        code: "job_registered_twice",
      });
    }
    this.#definitions.set(slug, definition);
    return { slug, run: (parameters, runOptions) => this.#run(definition, options.task, parameters, runOptions) };
  }

  find(slug: string): JobDefinition | undefined {
    return this.#definitions.get(slug);
  }

  /** Sorted. */
  get slugs(): readonly string[] {
    return [...this.#definitions.keys()].sort();
  }

  async #run(
    job: JobDefinition,
    task: string | OpenTask,
    parameters: Parameters = {},
    options: ApplyOptions = {},
  ): Promise<AsyncResult<unknown>> {
    const fixed = Object.keys(parameters).filter((name) => Object.hasOwn(job.fixed, name));
    if (fixed.length > 0) {
      throw new ConfigurationError(`job ${job.slug} fixes ${fixed.join(", ")}: a run cannot set it`, {
        code: "job_parameter_fixed",
      });
    }
    const kwargs = { ...job.defaults, ...parameters, ...job.fixed };
    const id = options.taskId ?? newId();
    const headers = { ...options.headers, [JOB_HEADER]: job.slug, [JOB_RUN_HEADER]: id };
    const sent = { ...(job.queue !== null && { queue: job.queue }), ...options, taskId: id, headers };
    if (typeof task !== "string") return await task.applyAsync(kwargs, sent);
    return await this.#home.send({ name: task, args: [], kwargs, options: sendOptions(sent) });
  }
}

/** Checks what is said of a job. Throws one `ConfigurationError` (`bad_job`) with all that is wrong. */
function define(slug: string, options: OpenJobOptions): JobDefinition {
  const { task, title = slug, description, fixed = {}, defaults = {}, asked, concurrency = "allow", queue } = options;
  const problems = problemsOf(slug, options);
  if (problems.length > 0) {
    throw new ConfigurationError(`job ${JSON.stringify(slug)} ${problems.join("; it ")}`, { code: "bad_job" });
  }
  return Object.freeze({
    slug,
    title,
    task: typeof task === "string" ? task : task.name,
    description: description ?? null,
    fixed: Object.freeze({ ...fixed }),
    defaults: Object.freeze({ ...defaults }),
    asked: asked ? Object.freeze([...asked]) : null,
    concurrency,
    queue: queue ?? null,
  });
}

/** Each as the end of the sentence "the job …". */
function problemsOf(slug: string, options: OpenJobOptions): readonly string[] {
  const { task, fixed = {}, defaults = {}, asked = [], concurrency = "allow", queue } = options;
  const twice = [...new Set([...Object.keys(defaults), ...asked])].filter((name) => Object.hasOwn(fixed, name));
  const problems = new Map([
    ["has a slug that is not 1 to 63 small letters, digits and dashes", !SLUG.test(slug)],
    ["names no task", task === ""],
    ["uses a task whose parameters travel as args; give it one with an input schema", isPositional(task)],
    [`fixes ${twice.join(", ")}, which it asks for or has a default for`, twice.length > 0],
    [
      `has the concurrency ${JSON.stringify(concurrency)}; it is one of ${JOB_CONCURRENCIES.join(", ")}`,
      !isConcurrency(concurrency),
    ],
    ["has an empty queue", queue === ""],
  ]);
  return [...problems].filter(([, isWrong]) => isWrong).map(([problem]) => problem);
}

function isPositional(task: string | OpenTask): boolean {
  return typeof task !== "string" && !passesKwargs(task);
}

function isConcurrency(value: unknown): boolean {
  return JOB_CONCURRENCIES.some((each) => each === value);
}
