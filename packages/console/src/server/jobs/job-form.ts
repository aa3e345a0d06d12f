import type { JobDefinition } from "lovage/internal";
import { isObject } from "../actions/exact-json.js";
import { ApiError } from "../route.js";

type Fields = Readonly<Record<string, unknown>>;

/**
 * JSON Schema of what a run of the job asks for: the task's own schema without what is fixed, or what `asked` names of it, beginning with
 * the job's defaults. Null when nothing is asked. Where the task has no schema, everything that is asked for may be anything.
 */
export function formOf(job: JobDefinition, schema: Fields | undefined): Fields | null {
  const properties = propertiesOf(schema);
  const asked = job.asked ?? Object.keys(properties).filter((name) => !Object.hasOwn(job.fixed, name));
  if (asked.length === 0) {
    const isOpen = job.asked === null && Object.keys(properties).length === 0 && !closes(schema);
    return isOpen ? { type: "object", properties: {}, additionalProperties: true } : null;
  }
  const shown = asked.map((name) => [name, withDefault(properties[name], job.defaults, name)] as const);
  const required = namesIn(schema?.required).filter(
    (name) => asked.includes(name) && !Object.hasOwn(job.defaults, name),
  );
  return { ...schema, type: "object", properties: Object.fromEntries(shown), required };
}

function propertiesOf(schema: Fields | undefined): Fields {
  return isObject(schema?.properties) ? schema.properties : {};
}

/** A schema of an object without members takes none. */
function closes(schema: Fields | undefined): boolean {
  return schema !== undefined && isObject(schema.properties) && schema.additionalProperties === false;
}

function withDefault(property: unknown, defaults: Fields, name: string): unknown {
  const known = isObject(property) ? property : {};
  return Object.hasOwn(defaults, name) ? { ...known, default: defaults[name] } : known;
}

function namesIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/**
 * All parameters of a run: the job's defaults, what was given, what is fixed. Throws an `ApiError` (400, `validation`) that names what was
 * given though it is not asked.
 */
export function parametersOf(job: JobDefinition, given: Fields): Fields {
  const isAsked = (name: string): boolean =>
    job.asked === null ? !Object.hasOwn(job.fixed, name) : job.asked.includes(name);
  const errors = Object.keys(given)
    .filter((name) => !isAsked(name))
    .map((name) => ({
      path: `parameters.${name}`,
      message: Object.hasOwn(job.fixed, name) ? "the job fixes it" : "the job does not ask for it",
    }));
  if (errors.length > 0) {
    throw new ApiError(
      400,
      "validation",
      `job ${job.slug} takes no ${errors.map(({ path }) => path.slice(11)).join(", ")}`,
      { errors },
    );
  }
  return { ...job.defaults, ...given, ...job.fixed };
}
