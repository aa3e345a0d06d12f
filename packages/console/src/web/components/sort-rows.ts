/** What a row is sorted by; null or undefined where it has no such figure. */
export type SortValue = number | string | null | undefined;

/**
 * Rows in the order of a column, `-` before it for descending; those without such a figure come last either way, equal ones by name.
 * For lists that are here whole; paged ones are sorted by the server.
 */
export function sortRows<Row>(
  rows: readonly Row[],
  sort: string,
  figureOf: (row: Row, column: string) => SortValue,
  nameOf: (row: Row) => string,
): Row[] {
  const descending = sort.startsWith("-");
  const column = descending ? sort.slice(1) : sort;
  return [...rows].sort((a, b) => {
    const [one, other] = [figureOf(a, column) ?? null, figureOf(b, column) ?? null];
    const byName = nameOf(a).localeCompare(nameOf(b));
    if (one === null || other === null) return one === other ? byName : one === null ? 1 : -1;
    const order =
      typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
    return (descending ? -order : order) || byName;
  });
}
