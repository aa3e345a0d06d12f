import { NativeSelect, TextInput } from "@mantine/core";
import { JsonEditor } from "../../components/json-editor.js";
import { fieldsOf } from "../../components/json-fields.js";
import { errorsUnder, SchemaForm } from "../../components/schema-form.js";
import { type JobDraft, modeOf, PARAMETER_MODES } from "./job-draft.js";

interface MemberError {
  readonly path: string;
  readonly message: string;
}

export interface ParameterFieldsProps {
  readonly draft: JobDraft;
  readonly onChange: (draft: JobDraft) => void;
  /** Of the task's input; null: it tells none. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly MemberError[];
}

const MODE_WORDS = { ask: "ask at Run", fixed: "fixed", default: "not asked" } as const;

/** What a job does with each parameter of its task. */
export function ParameterFields(props: ParameterFieldsProps) {
  const { draft, schema } = props;
  if (draft.task === "") {
    return <p className="lv-muted">Choose the task first.</p>;
  }
  return schema === null ? <ParametersAsJson {...props} /> : <ParametersBySchema {...props} schema={schema} />;
}

function ParametersBySchema({
  draft,
  onChange,
  schema,
  errors,
}: ParameterFieldsProps & { readonly schema: Readonly<Record<string, unknown>> }) {
  const properties = Object.entries(fieldsOf(schema.properties));
  if (properties.length === 0) {
    return <p className="lv-muted">The task takes no parameters.</p>;
  }
  const setValue = (name: string, values: Readonly<Record<string, unknown>>) => {
    const { [name]: _, ...rest } = draft.values;
    onChange({ ...draft, modes: allModes(draft, properties), values: { ...rest, ...values } });
  };
  const setMode = (name: string, property: unknown, value: string) => {
    const mode = PARAMETER_MODES.find((each) => each === value) ?? "ask";
    const first = mode === "fixed" && !Object.hasOwn(draft.values, name) ? firstValue(property) : undefined;
    onChange({
      ...draft,
      modes: { ...allModes(draft, properties), [name]: mode },
      values: first === undefined ? draft.values : { ...draft.values, [name]: first },
    });
  };
  return (
    <ul className="lv-parameters">
      {properties.map(([name, property]) => {
        const mode = modeOf(draft, name);
        const value = Object.hasOwn(draft.values, name) ? { [name]: draft.values[name] } : {};
        return (
          <li key={name}>
            <NativeSelect
              label={name}
              aria-label={`How ${name} is used`}
              data={PARAMETER_MODES.map((each) => ({ value: each, label: MODE_WORDS[each] }))}
              value={mode}
              onChange={(event) => setMode(name, property, event.currentTarget.value)}
            />
            <SchemaForm
              schema={{ type: "object", properties: { [name]: titled(property, `value of ${name}`) } }}
              value={value}
              onChange={(next) => setValue(name, next)}
              errors={[...errorsUnder(errors, "fixed"), ...errorsUnder(errors, "defaults")]}
            />
          </li>
        );
      })}
    </ul>
  );
}

/** Every parameter's mode written down: a change of one must not change what the others meant by being absent. */
function allModes(draft: JobDraft, properties: readonly (readonly [string, unknown])[]): JobDraft["modes"] {
  return Object.fromEntries(properties.map(([name]) => [name, modeOf(draft, name)]));
}

/** What a parameter is fixed at to begin with: its default; no for what is yes or no, as its empty box shows. */
function firstValue(property: unknown): unknown {
  const { default: byDefault, type } = fieldsOf(property);
  return byDefault ?? (type === "boolean" ? false : undefined);
}

function titled(property: unknown, title: string): Readonly<Record<string, unknown>> {
  return { ...fieldsOf(property), title };
}

function ParametersAsJson({ draft, onChange, errors }: ParameterFieldsProps) {
  const below = (member: string) =>
    errorsUnder(errors, member)
      .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
      .join("; ") || undefined;
  return (
    <div className="lv-stack">
      <p className="lv-muted">The task tells no schema: its parameters are written as JSON.</p>
      <JsonEditor
        label="Fixed"
        description="Every run has these."
        expects="object"
        value={draft.fixedText}
        onChange={(fixedText) => onChange({ ...draft, fixedText })}
        error={below("fixed")}
      />
      <JsonEditor
        label="Defaults"
        description="A run begins with these; what is asked for can be changed at Run."
        expects="object"
        value={draft.defaultsText}
        onChange={(defaultsText) => onChange({ ...draft, defaultsText })}
        error={below("defaults")}
      />
      <TextInput
        label="Asked at Run"
        description="Names, by commas. Empty: whatever is given, but what is fixed."
        value={draft.askedText}
        error={below("asked")}
        onChange={(event) => onChange({ ...draft, askedText: event.currentTarget.value })}
      />
    </div>
  );
}
