import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import type { Problem } from "../../../api/common.js";
import type { JobDetail } from "../../../api/jobs.js";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useApi } from "../../api/use-api.js";
import { AppLink, useOpenPath } from "../../components/app-link.js";
import { unreadableMembers } from "../../components/field-texts.js";
import { Icon } from "../../components/icon.js";
import { JsonEditor, readJson } from "../../components/json-editor.js";
import { isFields } from "../../components/json-fields.js";
import { jsonText } from "../../components/json-text.js";
import { NeedsRole } from "../../components/needs-role.js";
import { Loaded } from "../../components/page-states.js";
import { errorsUnder, SchemaForm, schemaDefaults } from "../../components/schema-form.js";
import { useFocusBack } from "../../components/use-focus-back.js";
import { paths } from "../../paths.js";
import { texts } from "../../texts.js";

/** A job to start, and the parameters its form begins with: those of an earlier run, for a re-run. */
export interface JobToRun {
  readonly slug: string;
  readonly title: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** The Run button of a job. */
export function RunButton({
  job,
  onRun,
  size = "compact-sm",
}: {
  readonly job: JobToRun;
  readonly onRun: (job: JobToRun) => void;
  readonly size?: "compact-sm" | "sm";
}) {
  return (
    <NeedsRole role="operator">
      <Button
        size={size}
        leftSection={<Icon name="play" size={13} />}
        aria-label={`Run ${job.title}`}
        onClick={() => onRun({ slug: job.slug, title: job.title })}
      >
        Run
      </Button>
    </NeedsRole>
  );
}

/** Starts a run: asks for what the job asks for (nothing: it starts at once), then goes to the run. */
export function StartRunDialog({ job, onClose }: { readonly job: JobToRun; readonly onClose: () => void }) {
  useFocusBack();
  const detail = useApi<JobDetail>(apiPath`jobs/${job.slug}`);
  return (
    <Modal opened onClose={onClose} title={`Run ${job.title}`} size="lg">
      <Loaded answer={detail} lines={4}>
        {(known) => <StartRunForm job={known} given={job.parameters} onClose={onClose} />}
      </Loaded>
    </Modal>
  );
}

interface StartRunFormProps {
  readonly job: JobDetail;
  readonly given: JobToRun["parameters"];
  readonly onClose: () => void;
}

function StartRunForm({ job, given, onClose }: StartRunFormProps) {
  const openPath = useOpenPath();
  const { form } = job;
  const [parameters, setParameters] = useState(() =>
    form === null ? {} : schemaDefaults(form, askedOf(form, { ...job.defaults, ...given })),
  );
  const [text, setText] = useState(() => jsonText({ ...job.defaults, ...given }));
  const [heldBack, setHeldBack] = useState(false);
  const open = form !== null && isOpen(form);
  const start = useAction(
    (key, body: Readonly<Record<string, unknown>>) =>
      api.post<{ readonly id: string }>(apiPath`jobs/${job.slug}/runs`, { parameters: body }, { idempotencyKey: key }),
    {
      done: ({ id }) => {
        onClose();
        openPath(paths.run(job.slug, id));
      },
      refresh: ["jobs", "tasks"],
    },
  );
  // What is no JSON is not sent; the editor says what is wrong with its text.
  const reading = open ? readJson(text, "object") : { ok: true as const, value: parameters };
  const readable = reading.ok && unreadableMembers(reading.value, "").length === 0;
  const submit = () => {
    setHeldBack(!readable);
    start.clear();
    if (readable && isFields(reading.value)) {
      start.run(reading.value);
    }
  };
  const errors = errorsUnder(start.problem?.errors, "parameters");
  return (
    <form
      className="lv-confirm"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {job.description !== null && <p className="lv-muted lv-pre-line">{job.description}</p>}
      {form === null && <p>It asks for nothing.</p>}
      {form !== null && !open && (
        <SchemaForm schema={form} value={parameters} onChange={setParameters} errors={errors} />
      )}
      {open && (
        <JsonEditor
          label="Parameters"
          description="The task tells no schema: any object may be given."
          expects="object"
          value={text}
          onChange={setText}
          error={errors.map((each) => each.message).join(" ") || undefined}
        />
      )}
      <FixedParameters fixed={job.fixed} />
      {heldBack && !readable && (
        <p className="lv-problem" role="alert">
          Nothing was started: see the fields above.
        </p>
      )}
      {start.problem !== undefined && <Refusal slug={job.slug} problem={start.problem} placed={errors.length > 0} />}
      <div className="lv-dialog-buttons">
        <Button variant="default" onClick={onClose}>
          {texts.cancel}
        </Button>
        <Button
          type="submit"
          loading={start.pending}
          leftSection={<Icon name="play" size={13} />}
          data-autofocus={form === null || undefined}
        >
          Run {job.title}
        </Button>
      </div>
    </form>
  );
}

function FixedParameters({ fixed }: { readonly fixed: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(fixed);
  if (entries.length === 0) {
    return null;
  }
  return (
    <p className="lv-muted lv-wrap-anywhere">
      Always: {entries.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(", ")}
    </p>
  );
}

/** Why nothing was started; names the run in the way, where that is the reason. */
function Refusal({
  slug,
  problem,
  placed,
}: {
  readonly slug: string;
  readonly problem: Problem;
  readonly placed: boolean;
}) {
  const inTheWay = runInTheWay(problem);
  return (
    <p className="lv-problem" role="alert">
      {placed ? "Nothing was started: see the fields above." : problem.detail}{" "}
      {inTheWay !== undefined && <AppLink to={paths.run(slug, inTheWay)}>Open the run in the way</AppLink>}{" "}
      <span className="lv-muted">({problem.code})</span>
    </p>
  );
}

/** The run that keeps a job from starting, as a refusal names it. */
export function runInTheWay(problem: Problem): string | undefined {
  return problem.status === 409 ? problem.errors?.find((each) => each.path === "run")?.message : undefined;
}

/** A form without members of its own takes anything. */
function isOpen(form: Readonly<Record<string, unknown>>): boolean {
  return !isFields(form.properties) || Object.keys(form.properties).length === 0;
}

/** Of some values, those that the form asks for: the others are fixed, or not the task's. */
function askedOf(
  form: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const asked = isFields(form.properties) ? form.properties : {};
  return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(asked, name)));
}
