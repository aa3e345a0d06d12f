import { decodeJson } from "lovage/internal";

/**
 * Reads JSON that the console itself wrote. What is no object, or damaged, is an empty one: one bad row must not take a page along.
 * Integers beyond 2^53 are as the API writes them: `{"$bigint": "123…"}`.
 */
export function parseFields(text: string | null): Record<string, unknown> {
  const value = parseStored(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The value of JSON that the console itself wrote, as the API writes it; undefined when there is none, or it is damaged. */
export function parseStored(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return withoutBigints(decodeJson(text, { typedValues: false }));
  } catch {
    return undefined;
  }
}

/** `decodeJson` bounds the depth, so this recursion is bounded too. */
function withoutBigints(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: value.toString() };
  if (Array.isArray(value)) return value.map(withoutBigints);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutBigints(each)]));
}
