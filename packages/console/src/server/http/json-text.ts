/** JSON as the API speaks it: whole numbers beyond 2^53 as `{"$bigint": "123…"}`, so that all digits are kept. */
export function encodeJsonText(value: unknown): string {
  return JSON.stringify(value, bigintAsObject) ?? "null";
}

function bigintAsObject(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? { $bigint: value.toString() } : value;
}
