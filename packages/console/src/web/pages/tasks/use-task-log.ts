import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { LogLine, LogPage } from "../../../api/tasks.js";
import { type ApiProblem, api, apiPath } from "../../api/client.js";
import { apiKey } from "../../api/use-api.js";
import { useLiveClient } from "../../state/app-context.js";
import { withLines } from "./log-lines.js";

/** Pages asked for at most: with 256 KiB kept of a task there are never so many. */
const MOST_PAGES = 50;
const PAGE = 1000;

/** The whole log of a task, kept up to date by the stream. */
export function useTaskLog(id: string): UseQueryResult<LogPage, ApiProblem> {
  const path = apiPath`tasks/${id}/logs`;
  const client = useQueryClient();
  const live = useLiveClient();
  useEffect(
    () =>
      live.subscribe([`log:${id}`], (events) => {
        const news = events.flatMap((event): LogLine[] =>
          event.event === "log" && event.data.taskId === id ? [event.data] : [],
        );
        client.setQueryData<LogPage>(
          apiKey(path),
          (page) => page && { ...page, items: [...withLines(page.items, news)] },
        );
      }),
    [client, live, path, id],
  );
  return useQuery<LogPage, ApiProblem>({ queryKey: apiKey(path), queryFn: ({ signal }) => readAll(path, signal) });
}

async function readAll(path: string, signal: AbortSignal): Promise<LogPage> {
  let items: readonly LogLine[] = [];
  let after = 0;
  for (let count = 0; count < MOST_PAGES; count++) {
    const page = await api.get<LogPage>(path, { after, limit: PAGE }, signal);
    items = withLines(items, page.items);
    if (page.items.length < PAGE) {
      return { items: [...items], nextSeq: page.nextSeq, cut: page.cut };
    }
    after = page.nextSeq;
  }
  return { items: [...items], nextSeq: after, cut: true };
}
