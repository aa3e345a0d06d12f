/** What a column, or a member of JSON that the console wrote, has: something of the right type whatever is in it. */

/** The text, or an empty one. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The number, or 0. */
export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** The number, or null where there is none. */
export function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
