import type { TaskDetail, TaskValue } from "../../../api/tasks.js";
import { isFields } from "../../components/json-fields.js";
import { jsonText } from "../../components/json-text.js";
import { schemaDefaults } from "../../components/schema-form.js";
import { type CallDraft, EMPTY_DRAFT } from "./call-draft.js";

type Told = Pick<TaskDetail, "argsValue" | "kwargsValue" | "queue" | "priority">;

/**
 * The call of a task that was, to be changed and sent again. Values that are only known as a text are not taken over: the form then begins
 * empty, with the schema's defaults where there is one.
 */
export function draftOf(task: Told, schema: Readonly<Record<string, unknown>> | null): CallDraft {
  const args = exact(task.argsValue);
  const kwargs = exact(task.kwargsValue);
  const named = isFields(kwargs) ? kwargs : undefined;
  const positional = Array.isArray(args) && args.length > 0;
  return {
    ...EMPTY_DRAFT,
    mode: schema !== null && !positional ? "form" : "json",
    kwargs: named ?? (schema === null ? {} : schemaDefaults(schema)),
    argsText: args === undefined ? "[]" : jsonText(args),
    kwargsText: kwargs === undefined ? "{}" : jsonText(kwargs),
    queue: task.queue ?? "",
    priority: task.priority === null ? "" : String(task.priority),
  };
}

function exact(value: TaskValue | null): unknown {
  return value !== null && value.form === "json" && !value.cut ? value.value : undefined;
}
