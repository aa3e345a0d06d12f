import { Autocomplete, Button } from "@mantine/core";
import { useState } from "react";
import type { SentTask, TaskDetail, TaskType, TaskTypeDetail } from "../../api/tasks.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { AppLink } from "../components/app-link.js";
import { Icon } from "../components/icon.js";
import { JsonValue } from "../components/json-value.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page, Panel } from "../components/page.js";
import { Loaded } from "../components/page-states.js";
import { errorsUnder, schemaDefaults } from "../components/schema-form.js";
import { paths } from "../paths.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { type CallDraft, type DraftError, EMPTY_DRAFT, readDraft, stillWrong } from "./tasks/call-draft.js";
import { ArgumentsForm, SendingOptions } from "./tasks/call-form.js";
import { Callout } from "./tasks/callout.js";
import { draftOf } from "./tasks/draft-of-task.js";
import { wholeValue } from "./tasks/whole-value.js";
import "./tasks/tasks.css";

/** Sends a task: a new one (`?name=`), or one that was, with changes (`?from=`). */
export function SendPage() {
  const [{ name, from }] = useUrlState(["name", "from"]);
  return from === undefined ? <SendNew name={name ?? ""} /> : <RerunWithChanges key={from} id={from} />;
}

function SendNew({ name }: { readonly name: string }) {
  const [, change] = useUrlState(["name"]);
  const types = useApi<{ readonly items: readonly TaskType[] }>("task-types");
  const [typed, setTyped] = useState(name);
  const choose = (next: string) => change({ name: next.trim() === "" ? undefined : next.trim() }, { replace: true });
  return (
    <Page title="Send a task" eyebrow={<AppLink to={paths.tasks()}>{texts.nav.tasks}</AppLink>}>
      <Panel title="Task">
        <Autocomplete
          label="Name"
          description="A registered task, or any name that a worker elsewhere knows."
          className="lv-send-name"
          data={(types.data?.items ?? []).map((type) => type.name)}
          value={typed}
          onChange={setTyped}
          onOptionSubmit={choose}
          onBlur={() => choose(typed)}
          onKeyDown={(event) => event.key === "Enter" && choose(typed)}
        />
      </Panel>
      {name !== "" && <CallOf key={name} name={name} />}
    </Page>
  );
}

/** The form for a name; a name nobody has registered has no schema, and is sent all the same. */
function CallOf({ name }: { readonly name: string }) {
  const type = useApi<TaskTypeDetail>(apiPath`task-types/${name}`);
  const answered = useOnce(type.data !== undefined || type.error?.status === 404);
  if (!answered) {
    return <Loaded answer={type}>{() => null}</Loaded>;
  }
  // One editor, whatever is known of the task now: a worker that comes or goes must not take away what was typed.
  const known = type.data;
  const schema = known === undefined ? null : formSchema(known);
  return (
    <CallEditor
      name={name}
      schema={schema}
      start={schema === null ? EMPTY_DRAFT : { ...EMPTY_DRAFT, mode: "form", kwargs: schemaDefaults(schema) }}
      to="tasks"
      {...(known === undefined && {
        note: "No worker has told that it knows this task: its message waits until one does.",
      })}
      {...(known !== undefined && known.description !== null && { about: known.description })}
    />
  );
}

/** True from the first time on that it is. */
function useOnce(now: boolean): boolean {
  const [once, setOnce] = useState(now);
  if (now && !once) {
    setOnce(true);
  }
  return once || now;
}

function formSchema(type: TaskTypeDetail): TaskTypeDetail["schema"] {
  return type.passes === "args" ? null : type.schema;
}

function RerunWithChanges({ id }: { readonly id: string }) {
  const task = useApi<TaskDetail>(apiPath`tasks/${id}`);
  return (
    <Page
      title="Re-run with changes"
      eyebrow={<AppLink to={paths.task(id)}>{texts.nav.tasks}</AppLink>}
      lead={<bdi className="lv-mono lv-wrap-anywhere">{id}</bdi>}
    >
      <Loaded answer={task}>{(known) => <RerunForm task={known} />}</Loaded>
    </Page>
  );
}

function RerunForm({ task }: { readonly task: TaskDetail }) {
  const name = task.name ?? "";
  const type = useApi<TaskTypeDetail>(apiPath`task-types/${name}`, {}, { enabled: name !== "" });
  const settled = useOnce(type.data !== undefined || type.error !== null || name === "");
  const schema = type.data === undefined ? null : formSchema(type.data);
  if (!settled) {
    return <Loaded answer={type}>{() => null}</Loaded>;
  }
  return (
    <>
      {!task.exactArguments.known && <OnlyText task={task} />}
      <CallEditor name={name} schema={schema} start={draftOf(task, schema)} to={apiPath`tasks/${task.id}/rerun`} />
    </>
  );
}

/** The arguments are a text made for people: it stands beside the form, and why it is not in it. */
function OnlyText({ task }: { readonly task: TaskDetail }) {
  return (
    <Panel title="The arguments as they were shown">
      <Callout title="Write the arguments anew">
        They are not known exactly: {task.exactArguments.reason ?? "nobody has told them"}. The text below is for
        reading; it is never sent.
      </Callout>
      <div className="lv-stack lv-only-text">
        <JsonValue value={task.argsValue} label="the arguments" download={wholeValue(task.id, "args")} />
        <JsonValue value={task.kwargsValue} label="the keyword arguments" download={wholeValue(task.id, "kwargs")} />
      </div>
    </Panel>
  );
}

interface CallEditorProps {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>> | null;
  readonly start: CallDraft;
  /** Where it is posted: "tasks", or the re-run of one. */
  readonly to: string;
  readonly note?: string;
  readonly about?: string;
}

function CallEditor({ name, schema, start, to, note, about }: CallEditorProps) {
  const [draft, setDraft] = useState(start);
  const [told, setTold] = useState<readonly DraftError[]>([]);
  const [sent, setSent] = useState<string>();
  const isNew = to === "tasks";
  const send = useAction((key, body: unknown) => api.post<SentTask>(to, body, { idempotencyKey: key }), {
    done: (reply) => setSent(reply.id),
    refresh: ["tasks"],
  });
  const reading = readDraft(draft);
  const mistakes = reading.ok ? [] : stillWrong(told, reading.errors);
  const submit = () => {
    setTold(reading.ok ? [] : reading.errors);
    setSent(undefined);
    send.clear();
    if (reading.ok) {
      send.run(isNew ? { name, ...reading.call } : reading.call);
    }
  };
  const errors = [...mistakes, ...(send.problem?.errors ?? [])];
  const unplaced = send.problem !== undefined && (send.problem.errors ?? []).length === 0;
  return (
    <form
      className="lv-send"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {note !== undefined && <Callout title="Nobody knows this task">{note}</Callout>}
      <div className="lv-send-columns">
        <Panel title={`Arguments of ${name}`}>
          <div className="lv-stack">
            {about !== undefined && <bdi className="lv-muted lv-pre-line">{about}</bdi>}
            <ArgumentsForm draft={draft} onChange={setDraft} schema={schema} errors={errors} />
          </div>
        </Panel>
        <Panel title="Sending">
          <SendingOptions draft={draft} onChange={setDraft} errors={errors} withId={isNew} />
        </Panel>
      </div>
      <div className="lv-send-end">
        <NeedsRole role="operator">
          <Button type="submit" loading={send.pending} leftSection={<Icon name="send" size={15} />}>
            {isNew ? "Send task" : "Re-run task"}
          </Button>
        </NeedsRole>
        <div className="lv-send-outcome" aria-live="polite">
          {sent !== undefined && (
            <p>
              Sent:{" "}
              <AppLink to={paths.task(sent)} className="lv-mono lv-wrap-anywhere">
                {sent}
              </AppLink>
            </p>
          )}
          {send.problem !== undefined && (
            <p className="lv-problem">
              Nothing was sent{unplaced ? `: ${send.problem.detail}` : ": see the fields above."}{" "}
              <span className="lv-muted">{send.problem.code}</span>
            </p>
          )}
          {mistakes.length > 0 && <p className="lv-problem">Nothing was sent: see the fields above.</p>}
          {mistakes.length === 0 &&
            errorsElsewhere(errors).map((each) => (
              <p key={each.path} className="lv-problem">{`${each.path}: ${each.message}`}</p>
            ))}
        </div>
      </div>
    </form>
  );
}

const PLACED = ["countdown", "eta", "queue", "priority", "expires", "id"];
/** Errors that belong to no field of the form. */
function errorsElsewhere(errors: readonly DraftError[]): readonly DraftError[] {
  return errors.filter(
    (each) =>
      !PLACED.includes(each.path) &&
      errorsUnder([each], "args").length === 0 &&
      errorsUnder([each], "kwargs").length === 0,
  );
}
