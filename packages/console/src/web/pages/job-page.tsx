import { Button } from "@mantine/core";
import { useState } from "react";
import type { JobDetail } from "../../api/jobs.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { ConfirmDialog } from "../components/confirm-dialog.js";
import { Icon } from "../components/icon.js";
import { JsonTree } from "../components/json-value.js";
import { DisabledWhen, NeedsRole } from "../components/needs-role.js";
import { Facts, Page, Panel } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { Badge } from "../components/state-badge.js";
import { TabsInUrl } from "../components/tabs-in-url.js";
import { paths } from "../paths.js";
import { useMay, useNotify } from "../state/app-context.js";
import { texts } from "../texts.js";
import { JobLog } from "./jobs/job-log.js";
import { JobRuns } from "./jobs/job-runs.js";
import { JobStatistics } from "./jobs/job-statistics.js";
import { RunButton } from "./jobs/start-run.js";
import { useRunJob } from "./jobs/use-run-job.js";
import "./tasks/tasks.css";

/** One job: its runs, how they fared, what they logged, how it is set up. */
export function JobPage({ slug }: { readonly slug: string }) {
  const answer = useApi<JobDetail>(apiPath`jobs/${slug}`, {}, { refetchEvery: 15 });
  const runJob = useRunJob();
  const job = answer.data;
  if (answer.error?.status === 404 && job === undefined) {
    return (
      <Page title={slug} eyebrow={<AppLink to={paths.jobs()}>{texts.nav.jobs}</AppLink>}>
        <Empty title="No such job" icon="jobs" action={<AppLink to={paths.jobs()}>All jobs</AppLink>}>
          It may have been deleted, or the program does not define it any more.
        </Empty>
      </Page>
    );
  }
  return (
    <Page
      title={job?.title ?? slug}
      eyebrow={<AppLink to={paths.jobs()}>{texts.nav.jobs}</AppLink>}
      beside={job && job.running > 0 && <Badge tone="running" sign="▶">{`${job.running} running`}</Badge>}
      {...(job && job.description !== null && { lead: job.description })}
      actions={
        job && (
          <>
            <JobChanges job={job} />
            <RunButton job={job} onRun={runJob.run} size="sm" />
          </>
        )
      }
    >
      <Loaded answer={answer} lines={12}>
        {(known) => (
          <TabsInUrl
            label="Job"
            tabs={[
              { key: "runs", title: "Runs", count: known.runs, content: () => <JobRuns job={known} /> },
              { key: "statistics", title: "Statistics", content: () => <JobStatistics slug={known.slug} /> },
              { key: "logs", title: "Logs", content: () => <JobLog slug={known.slug} /> },
              { key: "settings", title: "Settings", content: () => <JobSettings job={known} /> },
            ]}
          />
        )}
      </Loaded>
      {runJob.dialog}
    </Page>
  );
}

/** Edit and Delete; jobs of the program are changed there. */
function JobChanges({ job }: { readonly job: JobDetail }) {
  const openPath = useOpenPath();
  const notify = useNotify();
  const may = useMay("operator");
  const [asked, setAsked] = useState(false);
  const remove = useAction((_) => api.delete(apiPath`jobs/${job.slug}`), {
    done: () => {
      notify({ kind: "done", text: `Deleted the job ${job.title}` });
      openPath(paths.jobs());
    },
    refresh: ["jobs"],
  });
  const reason = !may
    ? texts.needsRole("operator")
    : job.source === "app"
      ? "It is written in the program: change app.job(…) there"
      : null;
  return (
    <>
      <DisabledWhen reason={reason}>
        <Button
          variant="default"
          leftSection={<Icon name="edit" size={14} />}
          onClick={() => openPath(paths.editJob(job.slug))}
        >
          Edit
        </Button>
      </DisabledWhen>
      {job.source === "console" && (
        <NeedsRole role="operator">
          <Button
            variant="light"
            color="red"
            leftSection={<Icon name="trash" size={14} />}
            onClick={() => setAsked(true)}
          >
            Delete
          </Button>
        </NeedsRole>
      )}
      <ConfirmDialog
        opened={asked}
        onClose={() => setAsked(false)}
        title={`Delete the job ${job.title}`}
        verb="Delete 1 job"
        onConfirm={() => remove.run()}
        pending={remove.pending}
        problem={remove.problem}
      >
        <p>The job can no longer be run. Its runs stay among the tasks; what goes on is not stopped.</p>
      </ConfirmDialog>
    </>
  );
}

const CONCURRENCY_WORDS = {
  allow: "several runs at once",
  skip: "one at a time; a second Run is refused",
  queue: "one at a time; a second Run waits for its turn",
} as const;

function JobSettings({ job }: { readonly job: JobDetail }) {
  return (
    <div className="lv-task-overview">
      <div className="lv-stack">
        <Panel title="Fixed parameters">
          {Object.keys(job.fixed).length === 0 ? (
            <p className="lv-muted">None.</p>
          ) : (
            <JsonTree data={job.fixed} label="the fixed parameters" />
          )}
        </Panel>
        <Panel title="Defaults">
          {Object.keys(job.defaults).length === 0 ? (
            <p className="lv-muted">None but those of the task's own schema.</p>
          ) : (
            <JsonTree data={job.defaults} label="the defaults" />
          )}
        </Panel>
        <Panel title="Asked at Run">
          {job.form === null ? (
            <p className="lv-muted">Nothing: Run starts at once.</p>
          ) : (
            <JsonTree data={job.form} label="the schema of the form" />
          )}
        </Panel>
      </div>
      <Panel title="Facts" className="lv-task-facts">
        <Facts
          facts={[
            { name: "Slug", value: <span className="lv-mono">{job.slug}</span> },
            {
              name: "Task",
              value: (
                <AppLink to={paths.taskType(job.task)} className="lv-wrap-anywhere">
                  {job.task}
                </AppLink>
              ),
            },
            { name: "Made in", value: job.source === "app" ? "the program (app.job)" : "this console" },
            { name: "Concurrency", value: `${job.concurrency}: ${CONCURRENCY_WORDS[job.concurrency]}` },
            { name: "Queue", value: job.queue ?? "the task's own" },
          ]}
        />
      </Panel>
    </div>
  );
}
