import { useCallback, useState } from "react";
import type { DataTableProps } from "./table-types.js";

type SteadyTable<Row> = Pick<DataTableProps<Row>, "rows" | "newRows" | "onHold">;

/**
 * Rows of a list that is here whole and changes by itself. While the person reads further down, selects or has a menu open, figures go
 * on changing but the rows stay where they are, and new ones wait behind a "2 new" button: what `useLiveList` does for paged lists.
 * `scope`: filters and sort; another one is a new list.
 */
export function useSteadyRows<Row>(
  rows: readonly Row[] | undefined,
  rowKey: (row: Row) => string,
  scope: string,
): SteadyTable<Row> {
  const [held, setHeld] = useState<{ readonly scope: string; readonly keys: readonly string[] }>();
  const onHold = useCallback(
    (hold: boolean) => setHeld(hold ? (before) => before ?? { scope: "", keys: [] } : undefined),
    [],
  );
  if (rows === undefined || held === undefined) return { rows, newRows: undefined, onHold };
  if (held.scope !== scope) {
    // The order that is seen when holding begins, or when the person asks for another one meanwhile.
    setHeld({ scope, keys: rows.map(rowKey) });
    return { rows, newRows: undefined, onHold };
  }
  const byKey = new Map(rows.map((row) => [rowKey(row), row]));
  const shown = held.keys.flatMap((key) => byKey.get(key) ?? []);
  const waiting = rows.length - shown.length;
  return {
    rows: shown,
    newRows: waiting > 0 ? { count: waiting, show: () => setHeld({ scope, keys: rows.map(rowKey) }) } : undefined,
    onHold,
  };
}
