import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Page } from "../../api/common.js";
import { type ApiProblem, api, type Query } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { apiKey, useApi } from "../api/use-api.js";
import { useLiveAnswer } from "../api/use-live-answer.js";
import { useLiveClient } from "../state/app-context.js";
import { readEntry, writeStored } from "../state/preferences.js";
import { useUrlState } from "../state/url-state.js";
import { inPlace } from "./held-rows.js";
import { PageTrail } from "./page-trail.js";
import type { DataTableProps } from "./table-types.js";

export interface LiveListOptions<Row> {
  /** Of the API: `tasks`. */
  readonly path: string;
  /** The filters; sort, cursor and page size are added here (from the address and this browser). */
  readonly filters: Query;
  /** The table's name, under which the page size is kept. */
  readonly name: string;
  readonly rowKey: (row: Row) => string;
  readonly defaultSort?: string;
  /** Live topics that tell of these rows. */
  readonly topics?: readonly string[];
  /** The row an event brings, if it is one of this list's. It takes the place of the one shown. */
  readonly rowOf?: (event: LiveEvent) => Row | undefined;
  /** Whether an event of the topics can change this list at all. Default: always. */
  readonly concerns?: (event: LiveEvent) => boolean;
  /** Whether the event's row is no older than the one shown. Default: always. */
  readonly isNewer?: (candidate: Row, shown: Row) => boolean;
  readonly refetchEvery?: number;
}

export interface LiveList<Row, P extends Page<Row>> {
  /** The last good answer: rows stay while a bad query is mended. */
  readonly page: P | undefined;
  /** Why the present question was refused. */
  readonly problem: ApiProblem | null;
  readonly refetch: () => void;
  /** For `<DataTable {...list.table}>`. */
  readonly table: Pick<
    DataTableProps<Row>,
    | "name"
    | "rows"
    | "rowKey"
    | "sort"
    | "onSort"
    | "loading"
    | "error"
    | "onRetry"
    | "total"
    | "paging"
    | "newRows"
    | "onHold"
  >;
}

/**
 * A list of the API that lives: rows change in place as events come; new ones come in by themselves as long as nobody reads further down,
 * selects or has a menu open (`onHold`), and wait behind a "14 new" button otherwise.
 */
export function useLiveList<Row, P extends Page<Row> = Page<Row>>(options: LiveListOptions<Row>): LiveList<Row, P> {
  const { path, filters, name, rowKey } = options;
  const [{ sort = options.defaultSort, cursor }, change] = useUrlState(["sort", "cursor"]);
  const [pageSize, setPageSize] = usePageSize(name);
  const query: Query = { ...filters, sort, cursor, limit: pageSize };
  const { newRows, onHold, held } = useNewRows<Row, P>(options, path, query, cursor === undefined);
  // What is held is looked at without being moved.
  const answer = useApi<P>(path, query, held ? {} : { refetchEvery: options.refetchEvery });
  const page = useLastGood(path, answer.data);
  const trail = usePageTrail(JSON.stringify([filters, sort, pageSize]));
  useDropStaleCursor(answer.error, cursor, change);

  const total = page?.total;
  const refetch = useCallback(() => void answer.refetch(), [answer.refetch]);
  const go = (to: string | undefined) => change({ cursor: to });
  const nextCursor = page?.nextCursor ?? undefined;
  return {
    page,
    problem: answer.error,
    refetch,
    table: {
      name,
      rows: page?.items,
      rowKey,
      sort,
      onSort: (next) => change({ sort: next === options.defaultSort ? undefined : next, cursor: undefined }),
      loading: answer.isFetching && answer.isPlaceholderData,
      error: answer.error,
      onRetry: refetch,
      total,
      newRows,
      onHold,
      paging: {
        pageSize,
        setPageSize: (size) => {
          setPageSize(size);
          go(undefined);
        },
        first: cursor === undefined ? undefined : () => go(undefined),
        previous: cursor === undefined || !trail.knows(cursor) ? undefined : () => go(trail.before(cursor)),
        next:
          nextCursor === undefined
            ? undefined
            : () => {
                trail.go(cursor, nextCursor);
                go(nextCursor);
              },
      },
    },
  };
}

const PAGE_SIZES: readonly number[] = [25, 50, 100];
function usePageSize(name: string): [number, (size: number) => void] {
  const key = `lovage.page-size.${name}`;
  const [size, setSize] = useState(() => PAGE_SIZES.find((each) => each === readEntry(key)) ?? 50);
  return [
    size,
    (next) => {
      setSize(next);
      writeStored(key, next);
    },
  ];
}

/** A refused question has no answer: what was there before stays in view, as long as it is the same list. */
function useLastGood<P>(path: string, data: P | undefined): P | undefined {
  const [kept, setKept] = useState<{ readonly path: string; readonly data: P | undefined }>({ path, data });
  if (data !== undefined && (kept.data !== data || kept.path !== path)) setKept({ path, data });
  return data ?? (kept.path === path ? kept.data : undefined);
}

/** The way back, of one order of one filter's rows. */
function usePageTrail(scope: string): PageTrail {
  const [trail, setTrail] = useState({ scope, trail: new PageTrail() });
  if (trail.scope === scope) return trail.trail;
  const next = { scope, trail: new PageTrail() };
  setTrail(next);
  return next.trail;
}

/** A link that was kept may name a place that is none any more: the list begins at its first page then. */
function useDropStaleCursor(
  error: ApiProblem | null,
  cursor: string | undefined,
  change: (changes: { readonly cursor: undefined }, options: { readonly replace: boolean }) => void,
): void {
  const stale = cursor !== undefined && error !== null && STALE_CURSOR.has(error.code);
  useEffect(() => {
    if (stale) change({ cursor: undefined }, { replace: true });
  }, [stale, change]);
}

const STALE_CURSOR: ReadonlySet<string> = new Set(["bad_cursor", "bad_list_request"]);

/** Works events into the rows shown, and finds out about new ones. */
function useNewRows<Row, P extends Page<Row>>(
  options: LiveListOptions<Row>,
  path: string,
  query: Query,
  firstPage: boolean,
) {
  const client = useQueryClient();
  const [waiting, setWaiting] = useState<{ readonly key: string; readonly page: P; readonly count: number }>();
  const [held, setHeld] = useState(false);
  const holds = useRef(false);
  const latest = useRef({ options, path, query, firstPage });
  useEffect(() => {
    latest.current = { options, path, query, firstPage };
  });
  const keyText = JSON.stringify([path, query]);

  const look = useCallback(async () => {
    const now = latest.current;
    const key = apiKey(now.path, now.query);
    if (!holds.current) {
      if (!now.firstPage) return;
      setWaiting(undefined);
      await client.invalidateQueries({ queryKey: key, exact: true });
      return;
    }
    const page = await api.get<P>(now.path, now.query).catch(() => undefined);
    const shown = client.getQueryData<P>(key);
    if (page === undefined || shown === undefined || !holds.current) return;
    const { rowKey, isNewer = () => true } = now.options;
    const seen = inPlace<Row, P>(shown, page, rowKey, isNewer);
    client.setQueryData<P>(key, seen.page);
    if (now.firstPage && seen.waiting > 0)
      setWaiting({ key: JSON.stringify([now.path, now.query]), page, count: seen.waiting });
  }, [client]);

  useLiveAnswer<P>({
    key: apiKey(path, query),
    topics: options.topics ?? [],
    merge: (page, events) => {
      const merged = mergeRows(page.items, events, options);
      return {
        answer: merged.items === page.items ? page : { ...page, items: merged.items },
        // Counts beside the rows are nobody's event: a row that changed in place changed them too.
        asks: merged.others || "states" in page,
      };
    },
    refetch: () => void look(),
  });

  const onHold = useCallback(
    (hold: boolean) => {
      const released = holds.current && !hold;
      holds.current = hold;
      setHeld(hold);
      if (released) void look();
    },
    [look],
  );
  const { refetchEvery } = options;
  const liveClient = useLiveClient();
  useEffect(() => {
    if (!held || refetchEvery === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState !== "hidden" && liveClient.state().kind !== "paused") void look();
    }, refetchEvery * 1000);
    return () => clearInterval(timer);
  }, [held, refetchEvery, look, liveClient]);
  // Rows of another page or filter wait for nobody.
  const newRows =
    waiting?.key === keyText
      ? {
          count: waiting.count,
          show: () => {
            client.setQueryData(apiKey(path, query), waiting.page);
            setWaiting(undefined);
          },
        }
      : undefined;
  return { newRows, onHold, held };
}

/** The rows with what the events say; `others`: some told of rows that are not shown. */
function mergeRows<Row>(
  rows: readonly Row[],
  events: readonly LiveEvent[],
  { rowOf, rowKey, isNewer = () => true, concerns = () => true }: LiveListOptions<Row>,
): { readonly items: readonly Row[]; readonly others: boolean } {
  const places = new Map(rows.map((row, place) => [rowKey(row), place]));
  let items: Row[] | undefined;
  let others = false;
  for (const event of events.filter(concerns)) {
    const row = rowOf?.(event);
    const place = row === undefined ? undefined : places.get(rowKey(row));
    const shown = place === undefined ? undefined : (items ?? rows)[place];
    if (row === undefined || place === undefined || shown === undefined) others = true;
    else if (isNewer(row, shown)) {
      items ??= [...rows];
      items[place] = row;
    }
  }
  return { items: items ?? rows, others };
}
