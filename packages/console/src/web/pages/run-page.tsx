import { Button } from "@mantine/core";
import type { ActionReply } from "../../api/common.js";
import type { JobDetail, RunDetail } from "../../api/jobs.js";
import { api, apiPath } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { AppLink } from "../components/app-link.js";
import { Duration } from "../components/duration.js";
import { Icon } from "../components/icon.js";
import { JsonTree, JsonValue } from "../components/json-value.js";
import { DisabledWhen } from "../components/needs-role.js";
import { allDone, outcomeSummary } from "../components/outcome-list.js";
import { Facts, Page, Panel } from "../components/page.js";
import { safeHref } from "../components/page-nav.js";
import { Empty, Loaded } from "../components/page-states.js";
import { StateBadge } from "../components/state-badge.js";
import { Time } from "../components/time.js";
import { paths } from "../paths.js";
import { useMay, useNotify, useNow } from "../state/app-context.js";
import { texts } from "../texts.js";
import { rerunParameters } from "./jobs/rerun-parameters.js";
import { RunLog } from "./jobs/run-log.js";
import { useRunJob } from "./jobs/use-run-job.js";
import { ProgressBar } from "./tasks/progress-bar.js";
import { FamilyPanel, useFamily } from "./tasks/task-canvas.js";
import { TaskLink } from "./tasks/task-facts.js";
import { Counters, TaskFailure } from "./tasks/task-overview.js";
import { wholeValue } from "./tasks/whole-value.js";
import "./tasks/tasks.css";

/** One run of a job: how far it is, what it logs, what came of it. */
export function RunPage({ slug, run: id }: { readonly slug: string; readonly run: string }) {
  const answer = useApi<RunDetail>(
    apiPath`runs/${id}`,
    {},
    { live: { topics: [`run:${id}`, `task:${id}`], merge: mergeRun(id) } },
  );
  const run = answer.data;
  const jobLink = <AppLink to={paths.job(slug)}>{run?.jobTitle ?? slug}</AppLink>;
  if (answer.error?.status === 404 && run === undefined) {
    return (
      <Page title="Run" eyebrow={jobLink}>
        <Empty title="No such run" icon="jobs" action={<AppLink to={paths.job(slug)}>All runs</AppLink>}>
          It may have expired.
        </Empty>
      </Page>
    );
  }
  return (
    <Page
      title={run === undefined ? "Run" : `${run.jobTitle}, run ${run.number}`}
      eyebrow={jobLink}
      beside={run && <StateBadge state={run.state} />}
      lead={run && <Length run={run} />}
      actions={run && <RunActions run={run} />}
    >
      <Loaded answer={answer} lines={12}>
        {(known) => <RunContent run={known} />}
      </Loaded>
    </Page>
  );
}

/** Works what the stream tells into what is shown; the end brings a result, so it is asked for. */
function mergeRun(id: string) {
  return (run: RunDetail, events: readonly LiveEvent[]): RunDetail | "refetch" => {
    let merged = run;
    for (const event of events) {
      if (event.event === "progress" && event.data.taskId === id) {
        merged = {
          ...merged,
          progress: event.data.progress,
          counters: { ...merged.counters, ...event.data.progress.counters },
        };
      } else if (event.event === "run" && event.data.id === id) {
        if (event.data.state !== merged.state) {
          return "refetch";
        }
        merged = { ...merged, ...event.data };
      } else if (event.event === "task" && event.data.id === id && event.data.state !== merged.state) {
        return "refetch";
      }
    }
    return merged;
  };
}

function Length({ run }: { readonly run: RunDetail }) {
  return (
    <>
      {run.started === null ? "waits since " : "started "}
      <Time at={run.started ?? run.queuedAt} />
      {run.started !== null && (
        <>
          , {run.finished === null ? "runs for " : "took "}
          <RunningLength run={run} />
        </>
      )}
      , by {run.by}
    </>
  );
}

function RunningLength({ run }: { readonly run: RunDetail }) {
  const now = useNow();
  if (run.finished !== null || run.started === null || run.state === "LOST") {
    return <Duration seconds={run.length} />;
  }
  return <Duration seconds={Math.max(0, Math.floor((now - Date.parse(run.started)) / 1000))} />;
}

function RunContent({ run }: { readonly run: RunDetail }) {
  const family = useFamily(run.id);
  const live = run.finished === null && run.state !== "LOST";
  const taskIds = (family.data?.tasks ?? []).slice(0, LISTENED).map((task) => task.id);
  return (
    <div className="lv-task-overview">
      <div className="lv-stack">
        {run.progress !== null && (
          <Panel title="Progress">
            <ProgressBar progress={run.progress} label={`Progress of run ${run.number}`} ended={!live} />
          </Panel>
        )}
        {Object.keys(run.counters).length > 0 && (
          <Panel title="Counters">
            <Counters counters={run.counters} />
          </Panel>
        )}
        <TaskFailure task={{ state: run.state, error: run.error, errorChain: [], traceback: run.traceback }} />
        <RunLog slug={run.job} run={run} taskIds={taskIds} live={live} />
        <FamilyPanel id={run.id} answer={family} />
      </div>
      <div className="lv-stack lv-task-facts">
        <Links links={run.links} />
        {run.result !== null && (
          <Panel title="Result">
            <JsonValue value={run.result} label="the result" download={wholeValue(run.id, "result")} />
          </Panel>
        )}
        <Panel title="Parameters">
          {Object.keys(run.parameters).length === 0 ? (
            <p className="lv-muted">It was given none.</p>
          ) : (
            <JsonTree data={run.parameters} label="the parameters" />
          )}
        </Panel>
        <Panel title="Facts">
          <Facts
            facts={[
              { name: "Number", value: run.number },
              {
                name: "Task",
                value: (
                  <AppLink to={paths.taskType(run.taskName)} className="lv-wrap-anywhere">
                    {run.taskName}
                  </AppLink>
                ),
              },
              { name: "As a task", value: <TaskLink id={run.id} /> },
              { name: "By", value: run.by },
              { name: "Asked for", value: <Time at={run.queuedAt} show="both" /> },
              { name: "Started", value: run.started === null ? undefined : <Time at={run.started} show="both" /> },
              { name: "Ended", value: run.finished === null ? undefined : <Time at={run.finished} show="both" /> },
              { name: "Length", value: <RunningLength run={run} /> },
            ]}
          />
        </Panel>
      </div>
    </div>
  );
}

/** Tasks of a run whose logs are listened to at once. */
const LISTENED = 50;

function Links({ links }: { readonly links: RunDetail["links"] }) {
  if (links.length === 0) {
    return null;
  }
  return (
    <Panel title="Links">
      <ul className="lv-link-list">
        {links.map((link) => (
          <li key={link.href}>
            <a href={safeHref(link.href)} rel="noreferrer" className="lv-wrap-anywhere">
              <Icon name="link" size={14} /> {link.label}
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function RunActions({ run }: { readonly run: RunDetail }) {
  const may = useMay("operator");
  const notify = useNotify();
  const runJob = useRunJob();
  const job = useApi<JobDetail>(apiPath`jobs/${run.job}`);
  const stop = useAction((key) => api.post<ActionReply>(apiPath`runs/${run.id}/stop`, {}, { idempotencyKey: key }), {
    failed: "The run could not be stopped",
    done: ({ outcomes }) =>
      notify({ kind: allDone(outcomes) ? "done" : "problem", text: `Stop: ${outcomeSummary(outcomes)}` }),
    refresh: ["runs", "jobs", "tasks"],
  });
  const reason = (action: "stop" | "rerun"): string | null => {
    const possible = run.actions[action];
    return !may
      ? texts.needsRole("operator")
      : possible?.possible === false
        ? (possible.reason ?? "not possible now")
        : null;
  };
  const again = { slug: run.job, title: run.jobTitle };
  const parameters = job.data && rerunParameters(job.data, run.parameters);
  const gone =
    job.data !== undefined
      ? null
      : job.error === null
        ? "its job is being read"
        : job.error.status === 404
          ? "its job is not known any more"
          : "its job could not be read";
  const ended = run.finished !== null || run.state === "LOST";
  return (
    <>
      {!ended && (
        <DisabledWhen reason={reason("stop")}>
          <Button
            color="red"
            variant="light"
            loading={stop.pending}
            leftSection={<Icon name="stop" size={14} />}
            onClick={() => stop.run()}
          >
            Stop
          </Button>
        </DisabledWhen>
      )}
      {ended && (
        <>
          <DisabledWhen reason={reason("rerun") ?? gone}>
            <Button
              loading={runJob.pending}
              leftSection={<Icon name="rerun" size={14} />}
              onClick={() => parameters && runJob.start(again, parameters)}
            >
              Re-run
            </Button>
          </DisabledWhen>
          <DisabledWhen reason={may ? gone : texts.needsRole("operator")}>
            <Button
              variant="default"
              leftSection={<Icon name="edit" size={14} />}
              onClick={() => runJob.edit({ ...again, parameters: run.parameters })}
            >
              Re-run with changes
            </Button>
          </DisabledWhen>
        </>
      )}
      {runJob.dialog}
    </>
  );
}
