import { Button } from "@mantine/core";
import { useMemo } from "react";
import type { LogPage, TaskDetail } from "../../../api/tasks.js";
import { Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { useUrlState } from "../../state/url-state.js";
import { hasEnded } from "./fitting-actions.js";
import { attemptSeparator, LogView, NoLogs } from "./log-view.js";
import { useTaskLog } from "./use-task-log.js";

/** The log of a task, all its attempts or one (`?attempt=2`). */
export function TaskLog({ task }: { readonly task: Pick<TaskDetail, "id" | "name" | "state" | "logsCut"> }) {
  const [{ attempt }, change] = useUrlState(["attempt"]);
  const answer = useTaskLog(task.id);
  const only = attempt === undefined ? undefined : Number(attempt);
  return (
    <Panel>
      <Loaded answer={answer}>
        {(page) => <Lines task={task} page={page} only={only} onAll={() => change({ attempt: undefined })} />}
      </Loaded>
    </Panel>
  );
}

interface LinesProps {
  readonly task: Pick<TaskDetail, "id" | "name" | "state" | "logsCut">;
  readonly page: LogPage;
  readonly only: number | undefined;
  readonly onAll: () => void;
}
function Lines({ task, page, only, onAll }: LinesProps) {
  const lines = useMemo(
    () => (only === undefined ? page.items : page.items.filter((line) => line.attempt === only)),
    [page.items, only],
  );
  return (
    <LogView
      lines={lines}
      live={!hasEnded(task.state)}
      fileName={`${task.name ?? "task"}-${task.id}.log`}
      separator={attemptSeparator}
      empty={<NoLogs />}
      notice={
        <>
          {only !== undefined && (
            <p className="lv-log-note">
              Attempt {only} only.{" "}
              <Button size="compact-xs" variant="default" onClick={onAll}>
                All attempts
              </Button>
            </p>
          )}
          {(page.cut || task.logsCut) && <p className="lv-log-note lv-muted">Cut at 256 KiB: the rest was not kept.</p>}
        </>
      }
    />
  );
}
