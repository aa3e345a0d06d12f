import { Autocomplete, Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import type { JobDefinition, JobDetail } from "../../api/jobs.js";
import type { TaskType, TaskTypeDetail } from "../../api/tasks.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page, Panel } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { paths } from "../paths.js";
import { useNotify } from "../state/app-context.js";
import { texts } from "../texts.js";
import { EMPTY_JOB, type JobDraft, type JobDraftError, jobDraftOf, readJobDraft } from "./jobs/job-draft.js";
import { ParameterFields } from "./jobs/parameter-fields.js";
import { stillWrong } from "./tasks/call-draft.js";
import { Callout } from "./tasks/callout.js";
import "./tasks/tasks.css";

/** Makes a job, or changes one that was made here. */
export function JobEditPage({ slug }: { readonly slug?: string }) {
  return slug === undefined ? (
    <Page title="New job" eyebrow={<AppLink to={paths.jobs()}>{texts.nav.jobs}</AppLink>}>
      <JobForm start={EMPTY_JOB} job={undefined} />
    </Page>
  ) : (
    <EditJob slug={slug} />
  );
}

function EditJob({ slug }: { readonly slug: string }) {
  const answer = useApi<JobDetail>(apiPath`jobs/${slug}`);
  // What is being written must not change under the hands; a conflict is found when it is saved.
  const [opened, setOpened] = useState<JobDetail>();
  const job = opened ?? answer.data;
  if (opened === undefined && answer.data !== undefined && !answer.isFetching) {
    setOpened(answer.data);
  }
  return (
    <Page title={`Edit ${job?.title ?? slug}`} eyebrow={<AppLink to={paths.job(slug)}>{job?.title ?? slug}</AppLink>}>
      <Loaded answer={answer}>
        {() =>
          job === undefined ? null : job.source === "app" ? (
            <Empty
              title="This job is written in the program"
              icon="task-types"
              action={<AppLink to={paths.job(slug)}>Back to the job</AppLink>}
            >
              Change its <code>app.job(…)</code> there.
            </Empty>
          ) : (
            <JobForm key={job.etag} start={jobDraftOf(job)} job={job} onReload={setOpened} />
          )
        }
      </Loaded>
    </Page>
  );
}

interface JobFormProps {
  readonly start: JobDraft;
  /** The job that is changed; undefined for a new one. */
  readonly job: JobDetail | undefined;
  readonly onReload?: (job: JobDetail) => void;
}

const CONCURRENCY = [
  { value: "allow", label: "allow: several runs at once" },
  { value: "skip", label: "skip: one at a time, a second Run is refused" },
  { value: "queue", label: "queue: one at a time, a second Run waits" },
];

function JobForm({ start, job, onReload }: JobFormProps) {
  const [draft, setDraft] = useState(start);
  const [told, setTold] = useState<readonly JobDraftError[]>([]);
  const openPath = useOpenPath();
  const notify = useNotify();
  const change = (changes: Partial<JobDraft>) => setDraft({ ...draft, ...changes });
  // While a name is typed, its beginnings are no tasks to ask for.
  const [task] = useDebouncedValue(draft.task, 400);
  const type = useApi<TaskTypeDetail>(apiPath`task-types/${task}`, {}, { enabled: task !== "" });
  const schema = type.data?.name === draft.task ? type.data.schema : null;
  const save = useAction(
    (key, definition: JobDefinition, etag: string | null) =>
      job === undefined
        ? api.post<JobDetail>("jobs", definition, { idempotencyKey: key })
        : api.put<JobDetail>(apiPath`jobs/${job.slug}`, definition, etag === null ? {} : { ifMatch: etag }),
    {
      done: (saved) => {
        notify({
          kind: "done",
          text: job === undefined ? `Made the job ${saved.title}` : `Saved the job ${saved.title}`,
        });
        openPath(paths.job(saved.slug));
      },
      refresh: ["jobs"],
    },
  );
  const reading = readJobDraft(draft, schema);
  const mistakes = reading.ok ? [] : stillWrong(told, reading.errors);
  const submit = (etag: string | null) => {
    setTold(reading.ok ? [] : reading.errors);
    save.clear();
    if (reading.ok) {
      save.run(reading.definition, etag);
    }
  };
  const errors = [...mistakes, ...(save.problem?.errors ?? [])];
  const error = (path: string) => errors.find((each) => each.path === path)?.message;
  const conflict = save.problem?.status === 412;
  return (
    <form
      className="lv-send"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit(job?.etag ?? null);
      }}
    >
      <div className="lv-two-panels">
        <Panel title="Job">
          <div className="lv-form">
            <TextInput
              label="Title"
              withAsterisk
              maxLength={100}
              value={draft.title}
              error={error("title")}
              onChange={(event) => change({ title: event.currentTarget.value })}
            />
            {job === undefined && (
              <TextInput
                label="Slug"
                description="Names it in addresses: small letters, digits and dashes. Empty: made of the title."
                value={draft.slug}
                error={error("slug")}
                onChange={(event) => change({ slug: event.currentTarget.value })}
              />
            )}
            <TaskChoice value={draft.task} error={error("task")} onChange={(task) => change({ task })} />
            <Textarea
              label="Description"
              autosize
              minRows={2}
              maxRows={8}
              maxLength={2000}
              value={draft.description}
              error={error("description")}
              onChange={(event) => change({ description: event.currentTarget.value })}
            />
            <NativeSelect
              label="Concurrency"
              data={CONCURRENCY}
              value={draft.concurrency}
              onChange={(event) =>
                change({
                  concurrency:
                    (["allow", "skip", "queue"] as const).find((each) => each === event.currentTarget.value) ?? "allow",
                })
              }
            />
            <TextInput
              label="Queue"
              description="Empty: where the task belongs."
              value={draft.queue}
              error={error("queue")}
              onChange={(event) => change({ queue: event.currentTarget.value })}
            />
          </div>
        </Panel>
        <Panel title="Parameters">
          <ParameterFields draft={draft} onChange={setDraft} schema={schema} errors={errors} />
        </Panel>
      </div>
      {conflict && job !== undefined && onReload !== undefined && (
        <Conflict slug={job.slug} onReload={onReload} onOverwrite={submit} pending={save.pending} />
      )}
      <div className="lv-send-end">
        <NeedsRole role="operator">
          <Button type="submit" loading={save.pending} disabled={draft.title.trim() === "" || draft.task.trim() === ""}>
            {job === undefined ? "Make job" : "Save job"}
          </Button>
        </NeedsRole>
        <Button variant="default" onClick={() => openPath(job === undefined ? paths.jobs() : paths.job(job.slug))}>
          {texts.cancel}
        </Button>
        <div className="lv-send-outcome" aria-live="polite">
          {mistakes.length > 0 && <p className="lv-problem">Nothing was saved: see the parameters above.</p>}
          {save.problem !== undefined && !conflict && (
            <p className="lv-problem">
              Nothing was saved: {save.problem.detail} <span className="lv-muted">({save.problem.code})</span>
            </p>
          )}
        </div>
      </div>
    </form>
  );
}

/** Somebody saved the job in between: theirs or mine, but not one over the other without a word. */
function Conflict({
  slug,
  onReload,
  onOverwrite,
  pending,
}: {
  readonly slug: string;
  readonly onReload: (job: JobDetail) => void;
  readonly onOverwrite: (etag: string | null) => void;
  readonly pending: boolean;
}) {
  const read = useAction(() => api.get<JobDetail>(apiPath`jobs/${slug}`), {
    failed: "The job could not be read",
    done: onReload,
  });
  const overwrite = useAction(() => api.get<JobDetail>(apiPath`jobs/${slug}`), {
    failed: "The job could not be read",
    done: (now) => onOverwrite(now.etag),
  });
  return (
    <Callout title="Somebody else has changed this job meanwhile" alert>
      <p>Nothing was saved. Their version stands.</p>
      <div className="lv-row-of">
        <Button size="xs" variant="default" loading={read.pending} onClick={() => read.run()}>
          Show theirs, drop mine
        </Button>
        <Button size="xs" variant="default" loading={overwrite.pending || pending} onClick={() => overwrite.run()}>
          Save mine over it
        </Button>
      </div>
    </Callout>
  );
}

function TaskChoice({
  value,
  error,
  onChange,
}: {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (task: string) => void;
}) {
  const types = useApi<{ readonly items: readonly TaskType[] }>("task-types");
  return (
    <Autocomplete
      label="Task"
      withAsterisk
      description="A task that takes one object."
      data={(types.data?.items ?? []).map((type) => type.name)}
      limit={50}
      value={value}
      error={error}
      onChange={onChange}
    />
  );
}
