/** Levels that are kept: a page draws none deeper, and `JSON.stringify` must not run out of stack. */
const MAX_DEPTH = 200;

/**
 * Any value as JSON that the API speaks: integers beyond 2^53 as `{"$bigint": "…"}`, so that all digits are kept; bytes as base64; dates as
 * ISO instants; `NaN` and infinities as their names. What is nested deeper than 200 levels becomes "…".
 */
export function apiJson(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return { $bigint: value.toString() };
    case "object":
      return value === null ? null : containerJson(value, depth);
    default:
      return null;
  }
}

function containerJson(value: object, depth: number): unknown {
  if (depth >= MAX_DEPTH) return "…";
  if (Array.isArray(value)) return value.map((each) => apiJson(each, depth + 1));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Date) return Number.isFinite(value.getTime()) ? value.toISOString() : null;
  // Not by assignment: a member may be called `__proto__`.
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, apiJson(each, depth + 1)]));
}
