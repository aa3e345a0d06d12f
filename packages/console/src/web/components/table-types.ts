import type { ReactNode } from "react";
import type { Total } from "../../api/common.js";
import type { IconName } from "./icon.js";
import type { Selection } from "./use-selection.js";

/** A column of a table. */
export interface Column<Row> {
  /** Names it in what is kept of the person's choice. */
  readonly key: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** The API's name of this sort; absent: not sortable. */
  readonly sort?: string | undefined;
  /** The first press of the header sorts in this direction. Default "descending": the newest, the most. */
  readonly firstSort?: "ascending" | "descending";
  /** Not shown until chosen. */
  readonly optional?: boolean;
  /** Always shown. */
  readonly fixed?: boolean;
  /** "right" for figures. */
  readonly align?: "left" | "right";
  /** As in CSS. */
  readonly width?: string;
  /** On narrow screens rows are cards: its heading, or one of its four fields. */
  readonly card?: "title" | "field";
  /** What the column is, on hover of its header. */
  readonly hint?: string;
}

/** An entry of a row's menu. */
export interface RowAction {
  readonly label: string;
  readonly icon?: IconName;
  readonly run: () => void;
  /** Why it cannot be done now; null when it can. */
  readonly disabled?: string | null;
  readonly danger?: boolean;
}

/** Keyset paging, as `useLiveList` makes it. */
export interface Paging {
  readonly pageSize: number;
  readonly setPageSize: (size: number) => void;
  readonly first: (() => void) | undefined;
  readonly previous: (() => void) | undefined;
  readonly next: (() => void) | undefined;
}

export interface DataTableProps<Row> {
  /** Under which the person's columns are kept: one for each table of the console. */
  readonly name: string;
  /** What the table is, for those who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  /** Undefined until the first answer. */
  readonly rows: readonly Row[] | undefined;
  readonly rowKey: (row: Row) => string;
  /** As in the API: `-received` is descending. */
  readonly sort?: string | undefined;
  readonly onSort?: ((sort: string) => void) | undefined;
  readonly selection?: Selection | undefined;
  /** Shown above the rows while some are selected: the actions that fit. */
  readonly bulk?: (() => ReactNode) | undefined;
  readonly rowMenu?: ((row: Row) => readonly RowAction[]) | undefined;
  /** Where Enter and a click on the row lead: a path of the console. */
  readonly rowLink?: ((row: Row) => string) | undefined;
  /** Or what they do. */
  readonly onOpen?: ((row: Row) => void) | undefined;
  /** Rows whose figures are old are greyed. */
  readonly rowFaded?: ((row: Row) => boolean) | undefined;
  /** When there is nothing at all. */
  readonly emptyState: ReactNode;
  /** Filters are on: an empty table then says that nothing matches. */
  readonly onClearFilters?: (() => void) | undefined;
  /** Under way with old rows in view. */
  readonly loading?: boolean | undefined;
  readonly error?: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly total?: Total | undefined;
  readonly paging?: Paging | undefined;
  /** Rows that wait to be let in, because the person reads, selects or has a menu open. */
  readonly newRows?: { readonly count: number; readonly show: () => void } | undefined;
  readonly onHold?: ((held: boolean) => void) | undefined;
  /** Addresses of downloads of the filtered rows; the rows themselves where all of them are here. */
  readonly exports?: { readonly csv: string; readonly json: string } | { readonly rows: readonly object[] } | undefined;
  /** At the left of the table's tools. */
  readonly toolbar?: ReactNode;
  /** A row of sums below. Cells by column key. */
  readonly totals?: Readonly<Record<string, ReactNode>> | undefined;
  /** False for a second table of a page: keys j, k, x and Enter are the first one's. */
  readonly keyboard?: boolean;
}
