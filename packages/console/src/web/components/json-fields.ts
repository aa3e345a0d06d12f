/** Members of a JSON object, whatever they are. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether it is an object with members: no list, not null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Its members; none of what is no object. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}
