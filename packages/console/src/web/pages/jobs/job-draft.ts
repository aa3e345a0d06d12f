import type { JobDefinition, JobDetail } from "../../../api/jobs.js";
import { unreadableMembers } from "../../components/field-texts.js";
import { readJson } from "../../components/json-editor.js";
import { type Fields, fieldsOf } from "../../components/json-fields.js";
import { jsonText } from "../../components/json-text.js";
import { pathOf } from "../../components/schema-reading.js";

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

/** Something about a draft that no server needs to be asked about. `path` as the server names it. */
export interface JobDraftError {
  readonly path: string;
  readonly message: string;
}
export type JobDraftReading =
  | { readonly ok: true; readonly definition: JobDefinition }
  | { readonly ok: false; readonly errors: readonly JobDraftError[] };

/** The definition that a draft stands for. */
export function readJobDraft(draft: JobDraft, schema: Fields | null): JobDraftReading {
  const errors: JobDraftError[] = [];
  const parameters =
    schema === null ? ofTexts(draft, errors) : ofModes(draft, Object.keys(fieldsOf(schema.properties)), errors);
  if (errors.length > 0) {
    return { ok: false, errors };
  }
  return {
    ok: true,
    definition: {
      title: draft.title.trim(),
      ...(draft.slug.trim() !== "" && { slug: draft.slug.trim() }),
      task: draft.task.trim(),
      description: draft.description.trim() === "" ? null : draft.description.trim(),
      concurrency: draft.concurrency,
      queue: draft.queue.trim() === "" ? null : draft.queue.trim(),
      ...parameters,
    },
  };
}

type Parameters = Pick<JobDefinition, "fixed" | "defaults" | "asked">;

function ofModes(draft: JobDraft, names: readonly string[], errors: JobDraftError[]): Parameters {
  const { values } = draft;
  const given = (modes: readonly ParameterMode[]) =>
    Object.fromEntries(
      names.flatMap((name) =>
        modes.includes(modeOf(draft, name)) && Object.hasOwn(values, name) ? [[name, values[name]]] : [],
      ),
    );
  for (const name of names) {
    if (modeOf(draft, name) === "fixed" && !Object.hasOwn(values, name)) {
      errors.push({ path: pathOf("fixed", name), message: "What is fixed needs a value." });
    }
  }
  errors.push(...unreadableMembers(given(["fixed"]), "fixed"));
  errors.push(...unreadableMembers(given(["ask", "default"]), "defaults"));
  const asked = names.filter((name) => modeOf(draft, name) === "ask");
  const unasked = names.some((name) => modeOf(draft, name) === "default");
  // Null asks for all that is not fixed: also for what the task's schema gains later.
  return { fixed: given(["fixed"]), defaults: given(["ask", "default"]), asked: unasked ? asked : null };
}

function ofTexts(draft: JobDraft, errors: JobDraftError[]): Parameters {
  const asked = draft.askedText
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return {
    fixed: readFields("fixed", draft.fixedText, errors),
    defaults: readFields("defaults", draft.defaultsText, errors),
    asked: asked.length === 0 ? null : asked,
  };
}

function readFields(path: string, text: string, errors: JobDraftError[]): Record<string, unknown> {
  const reading = readJson(text, "object");
  if (!reading.ok) {
    errors.push({ path, message: reading.message });
  }
  return reading.ok ? { ...fieldsOf(reading.value) } : {};
}
