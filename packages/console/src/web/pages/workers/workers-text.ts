/** Names that are listed before it is only said how many more there are. */
const LISTED = 5;

/** "a, b", "a, b, c, d, e and 12 more". */
export function workersText(names: readonly string[]): string {
  if (names.length <= LISTED) return names.join(", ");
  return `${names.slice(0, LISTED).join(", ")} and ${names.length - LISTED} more`;
}

/** "celery@web-1", "3 workers". */
export function whoText(names: readonly string[]): string {
  return names.length === 1 ? (names[0] ?? "") : `${names.length} workers`;
}
