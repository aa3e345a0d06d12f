import { type QueryClient, type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLiveClient } from "../state/app-context.js";
import { type ApiProblem, api, type Query } from "./client.js";
import type { LiveEvent } from "./live.js";

/** Keeps what is shown up to date from the live stream. */
export interface LiveMerge<T> {
  readonly topics: readonly string[];
  /** The data with the events in it (a new object when something changed), or "refetch" when they do not say enough. */
  readonly merge: (data: T, events: readonly LiveEvent[]) => T | "refetch";
}

export interface UseApiOptions<T> {
  /** Topics after whose events it is asked again (once a second at most), or how to work them in. */
  readonly live?: readonly string[] | LiveMerge<T> | undefined;
  /** Seconds between questions, for what no topic tells of. */
  readonly refetchEvery?: number | undefined;
  /** False: not asked (yet). */
  readonly enabled?: boolean | undefined;
}

/** Under which key the answer is kept: to set it, or to have it asked again. `apiKey("tasks")` matches all queries of that path. */
export function apiKey(path: string, query?: Query): readonly unknown[] {
  return query === undefined ? ["api", path] : ["api", path, query];
}

/** Asks again everything shown that begins with one of the paths: after an action. */
export async function refreshApi(client: QueryClient, ...paths: readonly string[]): Promise<void> {
  await client.invalidateQueries({
    predicate: ({ queryKey: [kind, path] }) =>
      kind === "api" && typeof path === "string" && paths.some((each) => path.startsWith(each)),
  });
}

/**
 * What the API answers to `GET path`, kept fresh. While only the query changes, the answer before stays until the new one is there
 * (`isPlaceholderData`); a new path begins empty.
 */
export function useApi<T>(
  path: string,
  query: Query = {},
  options: UseApiOptions<T> = {},
): UseQueryResult<T, ApiProblem> {
  const result = useQuery<T, ApiProblem>({
    queryKey: apiKey(path, query),
    queryFn: ({ signal }) => api.get<T>(path, query, signal),
    placeholderData: (previous, previousQuery) => (previousQuery?.queryKey[1] === path ? previous : undefined),
    ...(options.enabled !== undefined && { enabled: options.enabled }),
  });
  useRefetchEvery(path, query, options);
  useLiveMerge(path, query, options);
  return result;
}

/**
 * The library's own interval begins anew with every change of the data: what the stream changes each second would never be asked for
 * again. As with that one, a hidden page does not ask.
 */
function useRefetchEvery<T>(path: string, query: Query, { refetchEvery, enabled = true }: UseApiOptions<T>): void {
  const client = useQueryClient();
  const latest = useRef({ path, query });
  useEffect(() => {
    latest.current = { path, query };
  });
  useEffect(() => {
    if (refetchEvery === undefined || !enabled) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden") return;
      const { path: now, query: asked } = latest.current;
      void client.invalidateQueries({ queryKey: apiKey(now, asked), exact: true });
    }, refetchEvery * 1000);
    return () => clearInterval(timer);
  }, [client, refetchEvery, enabled]);
}

function useLiveMerge<T>(path: string, query: Query, { live, enabled = true }: UseApiOptions<T>): void {
  const client = useQueryClient();
  const liveClient = useLiveClient();
  const topics = (live === undefined ? [] : "topics" in live ? live.topics : live).join("\n");
  const merge = live !== undefined && "topics" in live ? live.merge : undefined;
  const latest = useRef({ path, query, merge });
  useEffect(() => {
    latest.current = { path, query, merge };
  });
  useEffect(() => {
    if (topics === "" || !enabled) return;
    const refetch = throttle(() => {
      void client.invalidateQueries({ queryKey: apiKey(latest.current.path, latest.current.query), exact: true });
    }, 1_000);
    const unsubscribe = liveClient.subscribe(topics.split("\n"), (events) => {
      const now = latest.current;
      const key = apiKey(now.path, now.query);
      const data = client.getQueryData<T>(key);
      if (data === undefined) return;
      const merged = now.merge ? now.merge(data, events) : "refetch";
      if (merged === "refetch") refetch();
      else if (merged !== data) client.setQueryData(key, merged);
    });
    return () => {
      unsubscribe();
      refetch.cancel();
    };
  }, [client, liveClient, topics, enabled]);
}

/** Runs at once, then at most once in the time given; the last call is never lost. */
export function throttle(run: () => void, delayMs: number): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const tick = () => {
    timer = undefined;
    if (!again) return;
    again = false;
    call();
  };
  const call = () => {
    if (timer !== undefined) {
      again = true;
      return;
    }
    run();
    timer = setTimeout(tick, delayMs);
  };
  return Object.assign(call, { cancel: () => clearTimeout(timer) });
}
