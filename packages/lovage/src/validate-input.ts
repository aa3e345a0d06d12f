import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ValidationError, type ValidationIssue } from "./errors.js";

/** Any Standard Schema: zod, valibot, arktype … (https://standardschema.dev). */
export type InputSchema = StandardSchemaV1;

/** The schema's output for `value`; throws a `ValidationError` that lists every issue with its path. */
export async function validateInput(schema: InputSchema, value: unknown, taskName: string): Promise<unknown> {
  const result = await schema["~standard"].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map((issue) => ({ path: formatPath(issue.path ?? []), message: issue.message }));
  throw new ValidationError(`input of ${taskName} does not fit its schema: ${issues.map(describe).join("; ")}`, {
    issues,
  });
}

const describe = ({ path, message }: ValidationIssue): string => (path ? `${path}: ${message}` : message);

/** As in `images[0].width`. */
function formatPath(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string {
  let text = "";
  for (const segment of path) {
    const key = typeof segment === "object" ? segment.key : segment;
    text += typeof key === "number" ? `[${key}]` : `${text && "."}${String(key)}`;
  }
  return text;
}
