import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { JobLogs } from "../../../api/jobs.js";
import { type ApiProblem, api, apiPath } from "../../api/client.js";
import { FilterBar, useFilters } from "../../components/filter-bar.js";
import { Panel } from "../../components/page.js";
import { ErrorState, Skeleton } from "../../components/page-states.js";
import { SearchBox } from "../../components/search-box.js";
import { LogView, NoLogs } from "../tasks/log-view.js";

type Line = JobLogs["items"][number];
const PAGE = 500;

/** What all runs of a job have logged; `q` and `run` are asked of the server, which has more lines than are read at once. */
export function JobLog({ slug }: { readonly slug: string }) {
  const { values, set, clear } = useFilters(["q", "run"]);
  const path = apiPath`jobs/${slug}/logs`;
  const answer = useInfiniteQuery<JobLogs, ApiProblem, readonly Line[], readonly unknown[], number | undefined>({
    queryKey: ["api", path, values],
    queryFn: ({ pageParam, signal }) =>
      api.get<JobLogs>(path, { q: values.q, run: values.run, before: pageParam, limit: PAGE }, signal),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.nextBefore ?? undefined,
    select: (data) => data.pages.flatMap((page) => page.items),
    refetchInterval: 10_000,
  });
  const lines = useMemo(() => [...(answer.data ?? [])].sort((a, b) => a.seq - b.seq), [answer.data]);
  const chips = (["q", "run"] as const).flatMap((key) =>
    values[key] === undefined
      ? []
      : [{ key, label: key === "q" ? "Search" : "Run", value: values[key], remove: () => set({ [key]: undefined }) }],
  );
  return (
    <Panel>
      <div className="lv-stack">
        <FilterBar chips={chips} onClear={clear}>
          <SearchBox value={values.q} onChange={(q) => set({ q })} label="Search the logs of all runs" />
        </FilterBar>
        {answer.error !== null && <ErrorState error={answer.error} onRetry={() => void answer.refetch()} />}
        {answer.data === undefined && answer.error === null && <Skeleton />}
        {answer.data !== undefined && (
          <LogView
            lines={lines}
            live={false}
            fileName={`${slug}.log`}
            separator={runSeparator}
            empty={<NoLogs />}
            notice={
              answer.hasNextPage && (
                <p className="lv-log-note">
                  <Button
                    size="compact-sm"
                    variant="default"
                    loading={answer.isFetchingNextPage}
                    onClick={() => void answer.fetchNextPage()}
                  >
                    Read earlier lines
                  </Button>
                </p>
              )
            }
          />
        )}
      </div>
    </Panel>
  );
}

function runSeparator(line: Line, before: Line | undefined): string | undefined {
  return before?.run === line.run ? undefined : `Run ${line.run}`;
}
