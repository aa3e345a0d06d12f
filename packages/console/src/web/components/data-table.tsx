import { Checkbox } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { usePreferences } from "../state/app-context.js";
import { Icon } from "./icon.js";
import { ErrorState, NothingMatches, Skeleton } from "./page-states.js";
import { isOnControl, useOpenRow, useRangeSelect } from "./row-behaviour.js";
import { useShortcut } from "./shortcuts.js";
import { BulkBar, TableFooter, TableToolbar } from "./table-bars.js";
import { RowCards } from "./table-cards.js";
import { useColumns } from "./table-columns.js";
import { type RowActs, TableRow } from "./table-row.js";
import { tableTexts as texts } from "./table-texts.js";
import type { Column, DataTableProps } from "./table-types.js";
import { useScrolled } from "./use-scrolled.js";

export type { Column, DataTableProps, Paging, RowAction } from "./table-types.js";

/**
 * The table of the console: sorting, chosen columns, selection with ranges, a menu for each row, keyset paging, and cards on narrow
 * screens. Rows and paging usually come from `useLiveList`.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { rows, selection } = props;
  const [{ density }] = usePreferences();
  const narrow = useMediaQuery("(max-width: 47.99em)", false, { getInitialValueInEffect: false });
  const choice = useColumns(props.name, props.columns);
  const scroller = useRef<HTMLDivElement>(null);
  const [menuOpen, setMenuOpen] = useState(false);
  const scrolled = useScrolled(scroller);
  useHold(props.onHold, menuOpen || scrolled || selection?.empty === false);
  const keyboard = useRowKeyboard(props, scroller);

  return (
    <div className={`lv-table-frame lv-${density}`} aria-busy={props.loading === true}>
      <TableToolbar table={props} choice={choice} />
      {selection && !selection.empty && <BulkBar table={props} selection={selection} />}
      {props.newRows && props.newRows.count > 0 && (
        <button
          type="button"
          className="lv-new-rows"
          onClick={() => {
            props.newRows?.show();
            showTop(scroller.current);
          }}
        >
          <Icon name="arrow-up" size={14} /> {texts.newRows(props.newRows.count)}
        </button>
      )}
      <TableProblem table={props} />
      {rows !== undefined && rows.length > 0 && (
        <div className="lv-table-scroll" ref={scroller} tabIndex={-1}>
          {narrow ? (
            <RowCards table={props} columns={choice.shown} onMenu={setMenuOpen} />
          ) : (
            <Rows table={props} columns={choice.shown} onMenu={setMenuOpen} focusRow={keyboard.focus} />
          )}
        </div>
      )}
      {rows !== undefined && rows.length > 0 && <TableFooter table={props} />}
    </div>
  );
}

/** New rows come above what is read: whoever asks for them wants to see them. The button they were asked by is gone, and its focus. */
function showTop(scroller: HTMLDivElement | null): void {
  requestAnimationFrame(() => {
    scroller?.focus({ preventScroll: true });
    scroller?.scrollTo({ top: 0 });
    if (scroller && scroller.getBoundingClientRect().top < 0) scroller.parentElement?.scrollIntoView();
  });
}

/** What stands in place of rows. */
function TableProblem<Row>({ table }: { readonly table: DataTableProps<Row> }): ReactNode {
  const failed = table.error !== undefined && table.error !== null;
  if (table.rows === undefined) {
    if (failed) return <ErrorState error={table.error} {...(table.onRetry && { onRetry: table.onRetry })} />;
    return <Skeleton lines={10} height={420} />;
  }
  return (
    <>
      {failed && <ErrorState error={table.error} {...(table.onRetry && { onRetry: table.onRetry })} />}
      {table.rows.length === 0 &&
        !failed &&
        (table.onClearFilters ? <NothingMatches onClear={table.onClearFilters} /> : table.emptyState)}
    </>
  );
}

function useHold(onHold: ((held: boolean) => void) | undefined, held: boolean): void {
  useEffect(() => {
    onHold?.(held);
  }, [onHold, held]);
}

interface RowsProps<Row> {
  readonly table: DataTableProps<Row>;
  readonly columns: readonly Column<Row>[];
  readonly onMenu: (open: boolean) => void;
  readonly focusRow: (key: string) => void;
}

function Rows<Row>({ table, columns, onMenu, focusRow }: RowsProps<Row>) {
  const { rows = [], selection, rowKey } = table;
  const acts = useRowActs(table, onMenu, focusRow);
  const keys = rows.map(rowKey);
  const picked = keys.filter((key) => selection?.keys.has(key)).length;
  return (
    <table className="lv-table">
      <caption className="lv-sr-only">{table.label}</caption>
      <thead>
        <tr>
          {selection && (
            <th className="lv-cell-select">
              <Checkbox
                size="xs"
                aria-label={texts.selectPage}
                checked={selection.allMatching || picked === keys.length}
                indeterminate={!selection.allMatching && picked > 0 && picked < keys.length}
                onChange={() => selection.put(keys, picked < keys.length)}
              />
            </th>
          )}
          {columns.map((column) => (
            <HeaderCell key={column.key} column={column} table={table} />
          ))}
          {table.rowMenu && (
            <th className="lv-cell-menu">
              <span className="lv-sr-only">{texts.actions}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const key = rowKey(row);
          return (
            <TableRow
              key={key}
              name={key}
              row={row}
              columns={columns}
              className={rowClass(table, row)}
              selected={selection && (selection.allMatching || selection.keys.has(key))}
              hasMenu={table.rowMenu !== undefined}
              cells={() =>
                columns.map((column) => (
                  <td key={column.key} className={column.align === "right" ? "lv-right" : undefined}>
                    {column.cell(row)}
                  </td>
                ))
              }
              acts={acts}
            />
          );
        })}
      </tbody>
      {table.totals && (
        <TotalsRow totals={table.totals} columns={columns} before={selection ? 1 : 0} after={table.rowMenu ? 1 : 0} />
      )}
    </table>
  );
}

/** One object for all rows and times, which knows what the table is now. */
function useRowActs<Row>(
  table: DataTableProps<Row>,
  onMenu: (open: boolean) => void,
  focusRow: (key: string) => void,
): RowActs {
  const open = useOpenRow(table);
  const select = useRangeSelect(table);
  const latest = useRef({ table, open, select, onMenu, focusRow });
  useEffect(() => {
    latest.current = { table, open, select, onMenu, focusRow };
  });
  return useMemo(() => {
    const rowOf = (key: string) => latest.current.table.rows?.find((row) => latest.current.table.rowKey(row) === key);
    return {
      open: (key, event) => {
        const row = isOnControl(event) ? undefined : rowOf(key);
        if (row !== undefined) latest.current.open?.(row);
      },
      select: (key, shift) => latest.current.select(key, shift),
      actions: (key) => {
        const row = rowOf(key);
        return row === undefined ? [] : (latest.current.table.rowMenu?.(row) ?? []);
      },
      onMenu: (isOpen) => latest.current.onMenu(isOpen),
      onFocus: (key) => latest.current.focusRow(key),
    };
  }, []);
}

function rowClass<Row>(table: DataTableProps<Row>, row: Row): string {
  const opens = table.rowLink || table.onOpen ? "lv-row-opens" : "";
  return `lv-row ${opens} ${table.rowFaded?.(row) ? "lv-faded" : ""}`;
}

function HeaderCell<Row>({ column, table }: { readonly column: Column<Row>; readonly table: DataTableProps<Row> }) {
  const { sort, onSort } = table;
  const direction =
    column.sort === undefined
      ? undefined
      : sort === column.sort
        ? "ascending"
        : sort === `-${column.sort}`
          ? "descending"
          : undefined;
  const className = column.align === "right" ? "lv-right" : undefined;
  const style = column.width === undefined ? undefined : { width: column.width };
  if (column.sort === undefined || !onSort) {
    return (
      <th scope="col" className={className} style={style} title={column.hint}>
        {column.title}
      </th>
    );
  }
  const press = () => {
    const next =
      direction === undefined
        ? (column.firstSort ?? "descending")
        : direction === "ascending"
          ? "descending"
          : "ascending";
    onSort(next === "ascending" ? `${column.sort}` : `-${column.sort}`);
  };
  return (
    <th scope="col" className={className} style={style} aria-sort={direction ?? "none"} title={column.hint}>
      <button type="button" className="lv-sort" onClick={press}>
        {column.title}
        <span className={direction === undefined ? "lv-sort-sign lv-invisible" : "lv-sort-sign"}>
          <Icon name={direction === "ascending" ? "arrow-up" : "arrow-down"} size={12} />
        </span>
      </button>
    </th>
  );
}

interface TotalsRowProps<Row> {
  readonly totals: Readonly<Record<string, ReactNode>>;
  readonly columns: readonly Column<Row>[];
  readonly before: number;
  readonly after: number;
}
function TotalsRow<Row>({ totals, columns, before, after }: TotalsRowProps<Row>) {
  return (
    <tfoot>
      <tr>
        {before > 0 && <td />}
        {columns.map((column, place) => (
          <td key={column.key} className={column.align === "right" ? "lv-right" : undefined}>
            {totals[column.key] ?? (place === 0 ? texts.sum : null)}
          </td>
        ))}
        {after > 0 && <td />}
      </tr>
    </tfoot>
  );
}

/** j and k go through the rows, x selects, Enter opens. */
function useRowKeyboard<Row>(table: DataTableProps<Row>, scroller: { readonly current: HTMLElement | null }) {
  const { rows = [], rowKey, selection, keyboard = true } = table;
  const focused = useRef<string>(undefined);
  const openRow = useOpenRow(table);
  const current = () => rows.find((row) => rowKey(row) === focused.current);
  const step = (by: number) => {
    const at = rows.findIndex((row) => rowKey(row) === focused.current);
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    if (next === undefined) return;
    focused.current = rowKey(next);
    const elements = [...(scroller.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
    elements.find((element) => element.dataset.row === focused.current)?.focus();
  };
  useShortcut({ keys: "j", label: "Next row", group: "Tables", run: () => step(1), enabled: keyboard });
  useShortcut({ keys: "k", label: "Previous row", group: "Tables", run: () => step(-1), enabled: keyboard });
  useShortcut({
    keys: "x",
    label: "Select the row",
    group: "Tables",
    run: () => focused.current !== undefined && selection?.toggle(focused.current),
    enabled: keyboard && selection !== undefined,
  });
  useShortcut({
    keys: "Enter",
    label: "Open the row",
    group: "Tables",
    run: () => {
      const row = current();
      if (row !== undefined) openRow?.(row);
    },
    // Only on the row itself: Enter on a button or link is that one's own.
    when: () => document.activeElement instanceof HTMLElement && document.activeElement.dataset.row !== undefined,
    enabled: keyboard && openRow !== undefined,
  });
  return {
    focus: (key: string) => {
      focused.current = key;
    },
  };
}
