import { type QueryClient, type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLiveClient } from "../state/app-context.js";
import { type ApiProblem, api, type Query } from "./client.js";
import type { LiveEvent } from "./live.js";
import { useLiveAnswer } from "./use-live-answer.js";

/** Keeps what is shown up to date from the live stream. */
export interface LiveMerge<T> {
  readonly topics: readonly string[];
  /** The data with the events in it (a new object when something changed), or "refetch" when they do not say enough. */
  readonly merge: (data: T, events: readonly LiveEvent[]) => T | "refetch";
  /** Seconds between questions at least, for answers that cost the server much. Default 0.5. */
  readonly asksEvery?: number;
}

export interface UseApiOptions<T> {
  /** Topics after whose events it is asked again (twice a second at most), or how to work them in. */
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
  const liveClient = useLiveClient();
  // Who pauses wants to read what stands there.
  const unlessPaused = () => liveClient.state().kind !== "paused";
  const result = useQuery<T, ApiProblem>({
    refetchOnWindowFocus: unlessPaused,
    refetchOnReconnect: unlessPaused,
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
 * again. As with that one, a hidden page does not ask; nor does one that is paused.
 */
function useRefetchEvery<T>(path: string, query: Query, { refetchEvery, enabled = true }: UseApiOptions<T>): void {
  const client = useQueryClient();
  const liveClient = useLiveClient();
  const latest = useRef({ path, query });
  useEffect(() => {
    latest.current = { path, query };
  });
  useEffect(() => {
    if (refetchEvery === undefined || !enabled) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden" || liveClient.state().kind === "paused") return;
      const { path: now, query: asked } = latest.current;
      void client.invalidateQueries({ queryKey: apiKey(now, asked), exact: true });
    }, refetchEvery * 1000);
    return () => clearInterval(timer);
  }, [client, liveClient, refetchEvery, enabled]);
}

function useLiveMerge<T>(path: string, query: Query, { live, enabled = true }: UseApiOptions<T>): void {
  const merge = live !== undefined && "topics" in live ? live.merge : undefined;
  useLiveAnswer<T>({
    key: apiKey(path, query),
    ...(live !== undefined &&
      "topics" in live &&
      live.asksEvery !== undefined && { asksEveryMs: live.asksEvery * 1000 }),
    topics: live === undefined || !enabled ? [] : "topics" in live ? live.topics : live,
    merge: (answer, events) => {
      const merged = merge ? merge(answer, events) : "refetch";
      return merged === "refetch" ? { answer, asks: true } : { answer: merged, asks: false };
    },
  });
}
