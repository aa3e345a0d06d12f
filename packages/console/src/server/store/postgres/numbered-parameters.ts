/** `$1`, `$2`, … in place of each `?` outside of quotes and comments. */
export function numberedParameters(sql: string): string {
  let count = 0;
  return sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\?/g, (part) => (part === "?" ? `$${++count}` : part));
}
