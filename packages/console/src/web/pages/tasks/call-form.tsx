import { NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { JsonEditor } from "../../components/json-editor.js";
import { errorsUnder, SchemaForm } from "../../components/schema-form.js";
import { type CallDraft, type DraftError, inMode, STARTS } from "./call-draft.js";

type Change = (changes: Partial<CallDraft>) => void;

export interface CallFormProps {
  readonly draft: CallDraft;
  readonly onChange: (draft: CallDraft) => void;
  /** JSON Schema of the task's one object; null: two editors. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly DraftError[];
}

/** The arguments of a call: a form of the task's schema, else JSON editors for args and kwargs. */
export function ArgumentsForm({ draft, onChange, schema, errors }: CallFormProps) {
  const change: Change = (changes) => onChange({ ...draft, ...changes });
  const form = draft.mode === "form" && schema !== null;
  return (
    <div className="lv-stack">
      {schema !== null && (
        <SegmentedControl
          size="xs"
          className="lv-fit"
          aria-label="How to write the arguments"
          data={[
            { value: "form", label: "Form" },
            { value: "json", label: "JSON" },
          ]}
          value={draft.mode}
          onChange={(mode) => onChange(inMode(draft, mode === "form" ? "form" : "json"))}
        />
      )}
      {form ? (
        <SchemaForm
          schema={schema}
          value={draft.kwargs}
          onChange={(kwargs) => change({ kwargs })}
          errors={errorsUnder(errors, "kwargs")}
        />
      ) : (
        <>
          <JsonEditor
            label="Args"
            description="A list of positional arguments."
            expects="array"
            value={draft.argsText}
            onChange={(argsText) => change({ argsText })}
            error={belowText(errors, "args")}
          />
          <JsonEditor
            label="Kwargs"
            description="An object of keyword arguments."
            expects="object"
            value={draft.kwargsText}
            onChange={(kwargsText) => change({ kwargsText })}
            error={belowText(errors, "kwargs")}
          />
        </>
      )}
    </div>
  );
}

/** All that is wrong below a member, each with its path from there. */
function belowText(errors: readonly DraftError[], member: string): string | undefined {
  const below = errorsUnder(errors, member);
  return below.length === 0
    ? undefined
    : below.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
}

const START_WORDS = { now: "At once", countdown: "In some seconds", eta: "At a time" } as const;

/** When, where and how urgently a task is to run. `withId`: an id of one's own can be given. */
export function SendingOptions({
  draft,
  onChange,
  errors,
  withId,
}: Omit<CallFormProps, "schema"> & { readonly withId: boolean }) {
  const change: Change = (changes) => onChange({ ...draft, ...changes });
  const error = (path: string) => errors.find((each) => each.path === path)?.message;
  return (
    <div className="lv-form">
      <NativeSelect
        label="Start"
        data={STARTS.map((value) => ({ value, label: START_WORDS[value] }))}
        value={draft.start}
        onChange={(event) => change({ start: STARTS.find((each) => each === event.currentTarget.value) ?? "now" })}
      />
      {draft.start === "countdown" && (
        <TextInput
          label="Countdown (seconds)"
          inputMode="decimal"
          autoComplete="off"
          value={draft.countdown}
          error={error("countdown")}
          onChange={(event) => change({ countdown: event.currentTarget.value })}
        />
      )}
      {draft.start === "eta" && (
        <TextInput
          label="ETA (your zone)"
          type="datetime-local"
          step={1}
          value={draft.eta}
          error={error("eta")}
          onChange={(event) => change({ eta: event.currentTarget.value })}
        />
      )}
      <TextInput
        label="Queue"
        description="Empty: where the task belongs."
        autoComplete="off"
        value={draft.queue}
        error={error("queue")}
        onChange={(event) => change({ queue: event.currentTarget.value })}
      />
      <TextInput
        label="Priority (0 to 9)"
        description="9 is the most urgent; only on queues that have priorities."
        inputMode="numeric"
        autoComplete="off"
        value={draft.priority}
        error={error("priority")}
        onChange={(event) => change({ priority: event.currentTarget.value })}
      />
      <TextInput
        label="Expires (seconds from now)"
        inputMode="decimal"
        autoComplete="off"
        value={draft.expires}
        error={error("expires")}
        onChange={(event) => change({ expires: event.currentTarget.value })}
      />
      {withId && (
        <TextInput
          label="Id"
          description="Empty: a new one."
          autoComplete="off"
          value={draft.id}
          error={error("id")}
          onChange={(event) => change({ id: event.currentTarget.value })}
        />
      )}
    </div>
  );
}
