import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { JobLogs } from "../../../api/jobs.js";
import { apiPath } from "../../api/client.js";
import { apiKey, throttle, useApi } from "../../api/use-api.js";
import { Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { useLiveClient } from "../../state/app-context.js";
import { withLines } from "../tasks/log-lines.js";
import { LogView, NoLogs } from "../tasks/log-view.js";

type Line = JobLogs["items"][number];
const MOST = 1000;

export interface RunLogProps {
  readonly slug: string;
  readonly run: { readonly id: string; readonly number: number };
  /** Tasks of the run, whose lines are listened to. */
  readonly taskIds: readonly string[];
  readonly live: boolean;
}

/** What the tasks of a run log, as it comes. */
export function RunLog({ slug, run, taskIds, live }: RunLogProps) {
  const path = apiPath`jobs/${slug}/logs`;
  const query = { run: run.id, limit: MOST };
  const answer = useApi<JobLogs>(path, query);
  useLiveLines(path, query, run, taskIds, live);
  return (
    <Panel title="Log">
      <Loaded answer={answer}>
        {(logs) => (
          <LogView
            lines={[...logs.items].sort((a, b) => a.seq - b.seq)}
            live={live}
            fileName={`${slug}-${run.number}.log`}
            separator={taskSeparator(run.id)}
            empty={<NoLogs />}
            notice={
              logs.nextBefore !== null && (
                <p className="lv-log-note lv-muted">The last {MOST} lines; the job's Logs have those before.</p>
              )
            }
          />
        )}
      </Loaded>
    </Panel>
  );
}

function useLiveLines(
  path: string,
  query: { readonly run: string; readonly limit: number },
  run: RunLogProps["run"],
  taskIds: readonly string[],
  live: boolean,
): void {
  const client = useQueryClient();
  const stream = useLiveClient();
  const { run: runId, limit } = query;
  const topics = [...new Set([run.id, ...taskIds])].map((id) => `log:${id}`).join("\n");
  useEffect(() => {
    const key = apiKey(path, { run: runId, limit });
    const unsubscribe = stream.subscribe(topics.split("\n"), (events) => {
      const news = events.flatMap((event): Line[] =>
        event.event === "log" ? [{ ...event.data, run: run.number }] : [],
      );
      client.setQueryData<JobLogs>(key, (logs) => logs && { ...logs, items: [...withLines(sorted(logs.items), news)] });
    });
    return unsubscribe;
  }, [client, stream, path, runId, limit, run.number, topics]);
  // What a task logged before its topic was listened to, and what came between the last look and the end.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new task or the end is what it waits for
  useEffect(() => {
    const look = throttle(
      () => void client.invalidateQueries({ queryKey: apiKey(path, { run: runId, limit }), exact: true }),
      1_000,
    );
    look();
    return look.cancel;
  }, [client, path, runId, limit, topics, live]);
}

function sorted(lines: readonly Line[]): Line[] {
  return [...lines].sort((a, b) => a.seq - b.seq);
}

/** Lines of the run's other tasks are told apart from those of its root. */
function taskSeparator(rootId: string) {
  return (line: Line, before: Line | undefined): string | undefined => {
    if (before === undefined) {
      return line.taskId === rootId && line.attempt === 1 ? undefined : headingOf(line, rootId);
    }
    return before.taskId === line.taskId && before.attempt === line.attempt ? undefined : headingOf(line, rootId);
  };
}

function headingOf(line: Line, rootId: string): string {
  const whose = line.taskId === rootId ? "The run's own task" : `Task ${line.taskId}`;
  return line.attempt === 1 ? whose : `${whose}, attempt ${line.attempt}`;
}
