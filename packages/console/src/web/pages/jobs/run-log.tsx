import type { JobLogs } from "../../../api/jobs.js";
import { apiPath } from "../../api/client.js";
import { apiKey, useApi } from "../../api/use-api.js";
import { useLiveAnswer } from "../../api/use-live-answer.js";
import { Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
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
  useLiveAnswer<JobLogs>({
    key: apiKey(path, query),
    topics: [...new Set([run.id, ...taskIds])].map((id) => `log:${id}`),
    merge: (logs, events) => {
      const news = events.flatMap((event): Line[] =>
        event.event === "log" ? [{ ...event.data, run: run.number }] : [],
      );
      if (news.length === 0) return { answer: logs, asks: false };
      const items = [...logs.items].sort((a, b) => a.seq - b.seq);
      return { answer: { ...logs, items: [...withLines(items, news)] }, asks: false };
    },
  });
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
