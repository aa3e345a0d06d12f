import { replaceEqualDeep } from "@tanstack/react-query";
import { type MouseEvent, memo, type ReactNode } from "react";
import { RowMenu } from "./table-row-menu.js";
import { tableTexts as texts } from "./table-texts.js";
import type { RowAction } from "./table-types.js";

/** What can be done with rows, by key. The same object for as long as the table is there: a new one would draw all rows anew. */
export interface RowActs {
  readonly open: (key: string, event: MouseEvent<HTMLElement>) => void;
  readonly select: (key: string, shift: boolean) => void;
  readonly actions: (key: string) => readonly RowAction[];
  readonly onMenu: (open: boolean) => void;
  readonly onFocus: (key: string) => void;
}

export interface TableRowProps {
  readonly name: string;
  readonly row: unknown;
  readonly columns: readonly unknown[];
  readonly className: string;
  /** Undefined where nothing can be selected. */
  readonly selected: boolean | undefined;
  readonly hasMenu: boolean;
  /** The cells of the row. Asked when one of the above has changed. */
  readonly cells: () => ReactNode;
  readonly acts: RowActs;
}

/** One row of a table. Drawn when it changed itself, not whenever another one did: busy lists change many times a second. */
export const TableRow = memo(function TableRow(props: TableRowProps) {
  const { name, className, selected, hasMenu, cells, acts } = props;
  return (
    <tr
      data-row={name}
      tabIndex={-1}
      className={className}
      aria-selected={selected}
      onClick={(event) => acts.open(name, event)}
      onFocus={(event) => event.target === event.currentTarget && acts.onFocus(name)}
    >
      {selected !== undefined && (
        <td className="lv-cell-select">
          <input
            type="checkbox"
            className="lv-check"
            aria-label={texts.selectRow(name)}
            checked={selected}
            onClick={(event) => acts.select(name, event.shiftKey)}
            onChange={() => undefined}
          />
        </td>
      )}
      {cells()}
      {hasMenu && (
        <td className="lv-cell-menu">
          <RowMenu name={name} actions={() => acts.actions(name)} onOpenChange={acts.onMenu} />
        </td>
      )}
    </tr>
  );
}, looksTheSame);

/** A list that was asked for again has new objects for rows that are what they were. */
function looksTheSame(before: TableRowProps, after: TableRowProps): boolean {
  return (
    before.name === after.name &&
    before.className === after.className &&
    before.selected === after.selected &&
    before.hasMenu === after.hasMenu &&
    before.acts === after.acts &&
    before.columns.length === after.columns.length &&
    before.columns.every((column, place) => column === after.columns[place]) &&
    replaceEqualDeep(before.row, after.row) === before.row
  );
}
