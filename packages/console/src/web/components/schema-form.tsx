import { ActionIcon, Button, Checkbox, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import {
  instantText,
  jsonFieldText,
  numberText,
  readInstantText,
  readJsonField,
  readNumberText,
  shownText,
} from "./field-texts.js";
import { Icon } from "./icon.js";
import { JsonEditor } from "./json-editor.js";
import { jsonText } from "./json-text.js";
import {
  emptyValue,
  fieldKind,
  type JsonSchema,
  type MemberError,
  memberErrors,
  membersOf,
  pathOf,
  readSchema,
} from "./schema-reading.js";

export { errorsUnder, schemaDefaults } from "./schema-reading.js";

export interface SchemaFormProps {
  /** JSON Schema (2020-12) of an object. What the form cannot show as a field becomes a JSON editor. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** With an `UnreadableJson` where a text is no JSON: `unreadableMembers` finds them, and such a value is not to be sent. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly onChange: (value: Readonly<Record<string, unknown>>) => void;
  /** The server's, with paths from the form's own object: `errorsUnder(problem.errors, "args[0]")`. */
  readonly errors?: readonly MemberError[] | undefined;
  /** Members that are not asked. */
  readonly omit?: readonly string[];
  readonly disabled?: boolean;
}

/** A form from a schema: types, enums, defaults, dates, lists and objects inside of each other. The server judges, and says so at the field. */
export function SchemaForm({ schema, value, onChange, errors = [], omit = [], disabled = false }: SchemaFormProps) {
  const members = membersOf(readSchema(schema)).filter((member) => !omit.includes(member.name));
  const whole = memberErrors(errors, "");
  return (
    <div className="lv-form">
      {whole.length > 0 && (
        <p className="lv-problem" role="alert">
          {whole.join(" ")}
        </p>
      )}
      {members.map((member) => (
        <Field
          key={member.name}
          label={member.schema.title ?? member.name}
          schema={member.schema}
          required={member.required}
          path={pathOf("", member.name)}
          value={value[member.name]}
          errors={errors}
          disabled={disabled}
          onChange={(next) => onChange(withMember(value, member.name, next))}
        />
      ))}
    </div>
  );
}

/** Undefined takes the member away. */
function withMember(
  value: Readonly<Record<string, unknown>>,
  name: string,
  next: unknown,
): Readonly<Record<string, unknown>> {
  if (next !== undefined) return { ...value, [name]: next };
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}

interface FieldProps {
  readonly label: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  readonly path: string;
  readonly value: unknown;
  readonly errors: readonly MemberError[];
  readonly disabled: boolean;
  readonly onChange: (value: unknown) => void;
}

function Field(props: FieldProps): ReactNode {
  switch (fieldKind(props.schema)) {
    case "choice":
      return <ChoiceField {...props} />;
    case "boolean":
      return <BooleanField {...props} />;
    case "number":
      return <NumberField {...props} />;
    case "text":
      return <TextField {...props} />;
    case "instant":
      return <InstantField {...props} />;
    case "list":
      return <ListField {...props} />;
    case "object":
      return <ObjectField {...props} />;
    case "json":
      return <RawField {...props} />;
  }
}

/** What all inputs share. */
function common({ label, schema, required, path, errors, disabled }: FieldProps) {
  const messages = memberErrors(errors, path);
  return {
    label,
    description: schema.description,
    withAsterisk: required,
    disabled,
    error: messages.length === 0 ? undefined : messages.join(" "),
  };
}

function ChoiceField(props: FieldProps) {
  const { schema, value, required, onChange } = props;
  const choices = schema.enum ?? [];
  const place = choices.findIndex((choice) => JSON.stringify(choice) === JSON.stringify(value));
  const options = choices.map((choice, index) => ({
    value: String(index),
    label: typeof choice === "string" ? choice : JSON.stringify(choice),
  }));
  return (
    <NativeSelect
      {...common(props)}
      value={place < 0 ? "" : String(place)}
      data={required && place >= 0 ? options : [{ value: "", label: "–" }, ...options]}
      onChange={(event) =>
        onChange(event.currentTarget.value === "" ? undefined : choices[Number(event.currentTarget.value)])
      }
    />
  );
}

function BooleanField(props: FieldProps) {
  const { withAsterisk: _, ...rest } = common(props);
  return (
    <Checkbox
      {...rest}
      checked={props.value === true}
      // Not said, where something must be: neither a yes nor a no.
      indeterminate={props.required && props.value === undefined}
      onChange={(event) => props.onChange(event.currentTarget.checked)}
    />
  );
}

function NumberField(props: FieldProps) {
  const { schema, value, onChange } = props;
  const [typed, setTyped] = useState("");
  const limits = [
    schema.minimum !== undefined && `from ${schema.minimum}`,
    schema.maximum !== undefined && `to ${schema.maximum}`,
  ]
    .filter(Boolean)
    .join(" ");
  return (
    <TextInput
      {...common(props)}
      inputMode={schema.types.includes("integer") ? "numeric" : "decimal"}
      placeholder={limits}
      autoComplete="off"
      value={shownText(typed, value, readNumberText, numberText)}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        onChange(readNumberText(event.currentTarget.value));
      }}
    />
  );
}

function TextField(props: FieldProps) {
  const { schema, value, required, onChange } = props;
  const shown = typeof value === "string" ? value : value === undefined || value === null ? "" : jsonText(value);
  const change = (text: string) => onChange(text === "" && !required ? undefined : text);
  if ((schema.maxLength ?? 0) > 200 || shown.includes("\n")) {
    return (
      <Textarea
        {...common(props)}
        autosize
        minRows={2}
        maxRows={12}
        value={shown}
        onChange={(event) => change(event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      {...common(props)}
      autoComplete="off"
      value={shown}
      placeholder={placeholderOf(schema)}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}

function placeholderOf({ format, examples }: JsonSchema): string {
  const [example] = examples;
  if (typeof example === "string") return example;
  return format === "uri"
    ? "https://…"
    : format === "email"
      ? "name@example.org"
      : format === "uuid"
        ? "00000000-0000-0000-0000-000000000000"
        : "";
}

/** A date, or an instant in the browser's zone that is sent in UTC. */
function InstantField(props: FieldProps) {
  const { schema, value, onChange } = props;
  const [typed, setTyped] = useState("");
  const day = schema.format === "date";
  const shown = day ? (typeof value === "string" ? value : "") : shownText(typed, value, readInstantText, instantText);
  return (
    <TextInput
      {...common(props)}
      type={day ? "date" : "datetime-local"}
      step={day ? undefined : 1}
      value={shown}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        if (day) onChange(text === "" ? undefined : text);
        else onChange(readInstantText(text));
      }}
    />
  );
}

function ListField(props: FieldProps) {
  const { label, schema, path, value, errors, disabled, required, onChange } = props;
  const items = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const itemSchema = readSchema(schema.items ?? {});
  const own = memberErrors(errors, path);
  const replace = (place: number, next: unknown) =>
    onChange(items.map((item, index) => (index === place ? (next ?? emptyValue(itemSchema)) : item)));
  const without = (place: number) => {
    const rest = items.filter((_, index) => index !== place);
    onChange(rest.length === 0 && !required ? undefined : rest);
  };
  return (
    <fieldset className="lv-fieldset">
      <legend>
        {label}
        {required && <span className="lv-required"> *</span>}
      </legend>
      {schema.description !== undefined && <p className="lv-muted">{schema.description}</p>}
      {items.map((item, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: values have no identity but their place
        <div key={place} className="lv-list-item">
          <Field
            label={`${label} ${place + 1}`}
            schema={itemSchema}
            required
            path={`${path}[${place}]`}
            value={item}
            errors={errors}
            disabled={disabled}
            onChange={(next) => replace(place, next)}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={28}
            aria-label={`Remove ${label} ${place + 1}`}
            disabled={disabled}
            onClick={() => without(place)}
          >
            <Icon name="trash" size={14} />
          </ActionIcon>
        </div>
      ))}
      {own.length > 0 && (
        <p className="lv-problem" role="alert">
          {own.join(" ")}
        </p>
      )}
      <Button
        variant="default"
        size="xs"
        leftSection={<Icon name="plus" size={13} />}
        disabled={disabled}
        onClick={() => onChange([...items, emptyValue(itemSchema)])}
      >
        Add to {label}
      </Button>
    </fieldset>
  );
}

function ObjectField(props: FieldProps) {
  const { label, schema, path, value, errors, disabled, required, onChange } = props;
  const own =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : {};
  return (
    <fieldset className="lv-fieldset">
      <legend>
        {label}
        {required && <span className="lv-required"> *</span>}
      </legend>
      {schema.description !== undefined && <p className="lv-muted">{schema.description}</p>}
      {membersOf(schema).map((member) => (
        <Field
          key={member.name}
          label={member.schema.title ?? member.name}
          schema={member.schema}
          required={member.required}
          path={pathOf(path, member.name)}
          value={own[member.name]}
          errors={errors}
          disabled={disabled}
          onChange={(next) => {
            const changed = withMember(own, member.name, next);
            onChange(Object.keys(changed).length === 0 && !required ? undefined : changed);
          }}
        />
      ))}
    </fieldset>
  );
}

/** What has no field of its own: any JSON. A text that is no JSON is kept as an `UnreadableJson`. */
function RawField(props: FieldProps) {
  const { label, value, onChange } = props;
  const [typed, setTyped] = useState("");
  const { error, description } = common(props);
  return (
    <JsonEditor
      label={props.required ? `${label} *` : label}
      {...(description !== undefined && { description })}
      error={error}
      value={shownText(typed, value, readJsonField, jsonFieldText)}
      onChange={(next) => {
        setTyped(next);
        onChange(readJsonField(next));
      }}
    />
  );
}
