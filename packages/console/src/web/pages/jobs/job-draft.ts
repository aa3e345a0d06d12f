import type { JobDefinition, JobDetail } from "../../../api/jobs.js";
import { readJson } from "../../components/json-editor.js";
import { jsonText } from "../../components/json-text.js";

type Fields = Readonly<Record<string, unknown>>;

/** What a job does with a parameter: asks at Run, keeps it fixed, or uses its default without asking. */
export const PARAMETER_MODES = ["ask", "fixed", "default"] as const;
export type ParameterMode = (typeof PARAMETER_MODES)[number];

/** A job as it is being written. */
export interface JobDraft {
  readonly title: string;
  readonly slug: string;
  readonly task: string;
  readonly description: string;
  readonly concurrency: JobDefinition["concurrency"];
  readonly queue: string;
  /** By name; what is not here is asked. */
  readonly modes: Readonly<Record<string, ParameterMode>>;
  /** Fixed values and defaults, by name. */
  readonly values: Fields;
  /** For tasks without a schema. */
  readonly fixedText: string;
  readonly defaultsText: string;
  /** Names, by commas; empty asks for everything that is not fixed. */
  readonly askedText: string;
}

export const EMPTY_JOB: JobDraft = {
  title: "",
  slug: "",
  task: "",
  description: "",
  concurrency: "allow",
  queue: "",
  modes: {},
  values: {},
  fixedText: "{}",
  defaultsText: "{}",
  askedText: "",
};

/** A job that is there, to be changed. */
export function jobDraftOf(job: JobDetail): JobDraft {
  const asked = job.form === null ? [] : Object.keys(fieldsOf(job.form.properties));
  const open = job.form !== null && asked.length === 0;
  const modes: Record<string, ParameterMode> = {};
  for (const name of Object.keys(job.defaults)) {
    modes[name] = "default";
  }
  for (const name of asked) {
    modes[name] = "ask";
  }
  for (const name of Object.keys(job.fixed)) {
    modes[name] = "fixed";
  }
  return {
    title: job.title,
    slug: job.slug,
    task: job.task,
    description: job.description ?? "",
    concurrency: job.concurrency,
    queue: job.queue ?? "",
    modes,
    values: { ...job.defaults, ...job.fixed },
    fixedText: jsonText(job.fixed),
    defaultsText: jsonText(job.defaults),
    askedText: open ? "" : asked.join(", "),
  };
}

/** How a parameter of the task's schema is used. A job that names what it asks for leaves the others to their defaults. */
export function modeOf(draft: JobDraft, name: string): ParameterMode {
  return draft.modes[name] ?? (Object.keys(draft.modes).length === 0 ? "ask" : "default");
}

/** The definition that a draft stands for; undefined while one of its texts is no JSON object. */
export function readJobDraft(draft: JobDraft, schema: Fields | null): JobDefinition | undefined {
  const parameters = schema === null ? ofTexts(draft) : ofModes(draft, Object.keys(fieldsOf(schema.properties)));
  return (
    parameters && {
      title: draft.title.trim(),
      ...(draft.slug.trim() !== "" && { slug: draft.slug.trim() }),
      task: draft.task.trim(),
      description: draft.description.trim() === "" ? null : draft.description.trim(),
      concurrency: draft.concurrency,
      queue: draft.queue.trim() === "" ? null : draft.queue.trim(),
      ...parameters,
    }
  );
}

type Parameters = Pick<JobDefinition, "fixed" | "defaults" | "asked">;

function ofModes(draft: JobDraft, names: readonly string[]): Parameters {
  const given = (mode: readonly ParameterMode[]) =>
    Object.fromEntries(
      names.flatMap((name) =>
        mode.includes(modeOf(draft, name)) && Object.hasOwn(draft.values, name) ? [[name, draft.values[name]]] : [],
      ),
    );
  const asked = names.filter((name) => modeOf(draft, name) === "ask");
  const unasked = names.some((name) => modeOf(draft, name) === "default");
  // Null asks for all that is not fixed: also for what the task's schema gains later.
  return { fixed: given(["fixed"]), defaults: given(["ask", "default"]), asked: unasked ? asked : null };
}

function ofTexts(draft: JobDraft): Parameters | undefined {
  const fixed = readJson(draft.fixedText, "object");
  const defaults = readJson(draft.defaultsText, "object");
  if (!fixed.ok || !defaults.ok) {
    return undefined;
  }
  const asked = draft.askedText
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return { fixed: fieldsOf(fixed.value), defaults: fieldsOf(defaults.value), asked: asked.length === 0 ? null : asked };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
