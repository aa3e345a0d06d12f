import type { TaskDefinition } from "./task.js";
import type { Logger } from "./util/logger.js";
import type { InputSchema } from "./validate-input.js";

/** A JSON Schema (2020-12) as plain JSON data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const TARGET = "draft-2020-12";
/** Methods by which schemas of other times and places give their JSON Schema: zod's, arktype's. */
const METHODS = ["toJSONSchema", "toJsonSchema"] as const;
/**
 * What zod cannot say in JSON Schema becomes "anything" rather than an error, but for dates: those that are made of texts
 * (`z.coerce.date()`) want ISO 8601.
 */
const ZOD_OPTIONS = {
  unrepresentable: "any",
  override: ({ zodSchema, jsonSchema }: { readonly zodSchema: unknown; readonly jsonSchema: object }) => {
    if (zodKind(zodSchema) === "date") Object.assign(jsonSchema, { type: "string", format: "date-time" });
  },
} as const;

/**
 * The JSON Schema of a task's input: the task's own `jsonSchema`, else what the schema's vendor makes of it by Standard JSON Schema
 * (https://standardschema.dev/json-schema), else what a method `toJSONSchema` of it gives. Undefined when none of them can tell. Never
 * throws: what a schema throws is logged.
 */
export function inputJsonSchema({ name, options, input }: TaskDefinition, logger: Logger): JsonSchema | undefined {
  try {
    const found = options.jsonSchema ?? (input && (ofStandard(input) ?? ofMethod(input)));
    return found === undefined ? undefined : plainSchema(found);
  } catch (error) {
    logger.warn("a task's input cannot be told in JSON Schema: give the task a jsonSchema of its own", {
      task: name,
      error: String(error),
    });
    return undefined;
  }
}

function ofStandard(input: InputSchema): unknown {
  const standard: object = input["~standard"];
  const convert: unknown = memberOf(memberOf(standard, "jsonSchema"), "input");
  if (typeof convert !== "function") return undefined;
  const libraryOptions = memberOf(standard, "vendor") === "zod" ? ZOD_OPTIONS : undefined;
  return convert.call(memberOf(standard, "jsonSchema"), { target: TARGET, ...(libraryOptions && { libraryOptions }) });
}

function ofMethod(input: InputSchema): unknown {
  const method = METHODS.map((name) => memberOf(input, name)).find((each) => typeof each === "function");
  return method?.call(input);
}

/** A copy as JSON carries it: no functions, no cycles, nothing that changes later. Throws when it is no such thing. */
function plainSchema(found: unknown): JsonSchema {
  const copy: unknown = JSON.parse(JSON.stringify(found) ?? "null");
  if (isObject(copy) && memberOf(found, "then") === undefined) return copy;
  throw new TypeError("what the schema gave is no JSON Schema");
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function memberOf(value: unknown, name: string): unknown {
  const isOpen = (typeof value === "object" && value !== null) || typeof value === "function";
  return isOpen ? Reflect.get(value, name) : undefined;
}

/** zod 4: `schema._zod.def.type`. */
function zodKind(schema: unknown): unknown {
  return memberOf(memberOf(memberOf(schema, "_zod"), "def"), "type");
}
