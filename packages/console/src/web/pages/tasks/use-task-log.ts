import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import type { LogLine, LogPage } from "../../../api/tasks.js";
import { type ApiProblem, api, apiPath } from "../../api/client.js";
import { apiKey } from "../../api/use-api.js";
import { useLiveAnswer } from "../../api/use-live-answer.js";
import { withLines } from "./log-lines.js";

/** Pages asked for at most: with 256 KiB kept of a task there are never so many. */
const MOST_PAGES = 50;
const PAGE = 1000;

/** The whole log of a task, kept up to date by the stream. */
export function useTaskLog(id: string): UseQueryResult<LogPage, ApiProblem> {
  const path = apiPath`tasks/${id}/logs`;
  useLiveAnswer<LogPage>({
    key: apiKey(path),
    topics: [`log:${id}`],
    merge: (page, events) => {
      const news = events.flatMap((event): LogLine[] =>
        event.event === "log" && event.data.taskId === id ? [event.data] : [],
      );
      return { answer: news.length === 0 ? page : { ...page, items: [...withLines(page.items, news)] }, asks: false };
    },
  });
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
