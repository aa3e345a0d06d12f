import { type Fields, fieldsOf } from "./json-fields.js";

/** The parts of a JSON Schema that a form can use, narrowed; schemas come from anyone's tasks. */
export interface JsonSchema {
  readonly types: readonly string[];
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly enum: readonly unknown[] | undefined;
  readonly default: unknown;
  readonly format: string | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly maxLength: number | undefined;
  readonly examples: readonly unknown[];
  readonly items: unknown;
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  readonly required: readonly string[];
  /** It has parts that a form has no field for (`anyOf`, `$ref`, …). */
  readonly complex: boolean;
}

export interface MemberError {
  /** As in `items[0].url`; "" for the whole. */
  readonly path: string;
  readonly message: string;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Narrows a schema. "This or null" is read as this: a field that is left empty is left out. */
export function readSchema(schema: unknown): JsonSchema {
  const fields = unwrapNullable(fieldsOf(schema));
  const types = (
    typeof fields.type === "string" ? [fields.type] : listOf(fields.type).filter((type) => typeof type === "string")
  ).filter((type) => type !== "null");
  return {
    types,
    title: text(fields.title),
    description: text(fields.description),
    enum: "const" in fields ? [fields.const] : Array.isArray(fields.enum) ? fields.enum : undefined,
    default: fields.default,
    format: text(fields.format),
    minimum: number(fields.minimum) ?? number(fields.exclusiveMinimum),
    maximum: number(fields.maximum) ?? number(fields.exclusiveMaximum),
    maxLength: number(fields.maxLength),
    examples: listOf(fields.examples),
    items: fields.items,
    properties: fields.properties === undefined ? undefined : fieldsOf(fields.properties),
    required: listOf(fields.required).filter((name) => typeof name === "string"),
    complex: ["anyOf", "oneOf", "allOf", "$ref", "prefixItems"].some((key) => key in fields),
  };
}

function unwrapNullable(fields: Fields): Fields {
  for (const key of ["anyOf", "oneOf"]) {
    const options = listOf(fields[key]).map(fieldsOf);
    const others = options.filter((option) => option.type !== "null");
    const [only] = others;
    if (options.length === 2 && only && others.length === 1) {
      const { [key]: _, ...rest } = fields;
      return { ...only, ...rest };
    }
    // Several constants are a choice.
    if (options.length > 0 && options.every((option) => "const" in option)) {
      const { [key]: _, ...rest } = fields;
      return { ...rest, enum: options.map((option) => option.const) };
    }
  }
  return fields;
}

export type FieldKind = "choice" | "boolean" | "number" | "text" | "instant" | "list" | "object" | "json";

/** Which field shows it. */
export function fieldKind(schema: JsonSchema): FieldKind {
  if (schema.enum !== undefined && schema.enum.length > 0) return "choice";
  if (schema.complex || schema.types.length !== 1) return "json";
  switch (schema.types[0]) {
    case "boolean":
      return "boolean";
    case "number":
    case "integer":
      return "number";
    case "string":
      return schema.format === "date" || schema.format === "date-time" ? "instant" : "text";
    case "array":
      return schema.items === undefined ? "json" : "list";
    case "object":
      return schema.properties === undefined ? "json" : "object";
    default:
      return "json";
  }
}

export interface Member {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}
/** The members of an object, in the schema's order. */
export function membersOf(schema: JsonSchema): readonly Member[] {
  return Object.entries(schema.properties ?? {}).map(([name, each]) => ({
    name,
    schema: readSchema(each),
    required: schema.required.includes(name),
  }));
}

/** What a form begins with: the schema's defaults and the "no" that a required box shows before it is ticked, then the values given. */
export function schemaDefaults(schema: unknown, values: Fields = {}): Fields {
  return { ...firstMembers(readSchema(schema)), ...values };
}

function firstMembers(schema: JsonSchema): Fields {
  const first = membersOf(schema).flatMap((member) => {
    const value = firstValue(member);
    return value === undefined ? [] : [[member.name, value]];
  });
  return Object.fromEntries(first);
}

function firstValue({ schema, required }: Member): unknown {
  if (schema.default !== undefined || !required) return schema.default;
  const kind = fieldKind(schema);
  if (kind === "boolean") return false;
  if (kind !== "object") return undefined;
  const inner = firstMembers(schema);
  return Object.keys(inner).length === 0 ? undefined : inner;
}

/** A new item of a list. */
export function emptyValue(schema: JsonSchema): unknown {
  if (schema.default !== undefined) return schema.default;
  switch (fieldKind(schema)) {
    case "choice":
      return schema.enum?.[0];
    case "boolean":
      return false;
    case "list":
      return [];
    case "object":
      return firstMembers(schema);
    case "json":
      return null;
    default:
      return "";
  }
}

/** `a` + `b` → `a.b`; names that are no identifiers in brackets, as the server writes them. */
export function pathOf(parent: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${parent}[${JSON.stringify(name)}]`;
  return parent === "" ? name : `${parent}.${name}`;
}

/** Messages at exactly this path. */
export function memberErrors(errors: readonly MemberError[], path: string): readonly string[] {
  return errors.filter((error) => error.path === path).map((error) => error.message);
}

/** Errors below a prefix (`args[0]`, `kwargs`, `parameters`), with paths from there. */
export function errorsUnder(errors: readonly MemberError[] | undefined, prefix: string): readonly MemberError[] {
  return (errors ?? []).flatMap(({ path, message }) => {
    if (path === prefix) return [{ path: "", message }];
    if (path.startsWith(`${prefix}.`)) return [{ path: path.slice(prefix.length + 1), message }];
    return path.startsWith(`${prefix}[`) ? [{ path: path.slice(prefix.length), message }] : [];
  });
}
