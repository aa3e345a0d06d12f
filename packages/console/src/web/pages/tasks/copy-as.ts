import type { TaskDetail, TaskValue } from "../../../api/tasks.js";
import { isFields } from "../../components/json-fields.js";
import { isBigint } from "../../components/json-text.js";

/** The languages in which a call can be copied. */
export const COPY_LANGUAGES = ["TypeScript", "Python", "JSON"] as const;
export type CopyLanguage = (typeof COPY_LANGUAGES)[number];

/** What of a task is needed to write down its call. */
export type CopiedTask = Pick<TaskDetail, "id" | "name" | "queue" | "priority" | "argsValue" | "kwargsValue">;

/**
 * The call of a task as code that sends it again (TypeScript, Python), or as the body of `POST /api/v1/tasks` (JSON).
 * Arguments that are only known as a text are put in a comment: code made of a `repr` would send something else.
 */
export function copyTaskAs(task: CopiedTask, language: CopyLanguage): string {
  if (language === "TypeScript") {
    return asTypeScript(task);
  }
  return language === "Python" ? asPython(task) : asJson(task);
}

function asTypeScript(task: CopiedTask): string {
  const kwargs = exactObject(task.kwargsValue);
  const options = [
    ...(kwargs && Object.keys(kwargs).length > 0 ? [`kwargs: ${literal(kwargs, TYPESCRIPT)}`] : []),
    ...(task.queue === null ? [] : [`queue: ${JSON.stringify(task.queue)}`]),
    ...(task.priority === null ? [] : [`priority: ${task.priority}`]),
  ];
  const call = [JSON.stringify(task.name ?? ""), literal(exactList(task.argsValue) ?? [], TYPESCRIPT)];
  if (options.length > 0) {
    call.push(`{ ${options.join(", ")} }`);
  }
  return [...remarks(task, "//"), `const result = await app.sendTask(${call.join(", ")});`, ""].join("\n");
}

function asPython(task: CopiedTask): string {
  const kwargs = exactObject(task.kwargsValue);
  const call = [
    JSON.stringify(task.name ?? ""),
    `args=${literal(exactList(task.argsValue) ?? [], PYTHON)}`,
    ...(kwargs && Object.keys(kwargs).length > 0 ? [`kwargs=${literal(kwargs, PYTHON)}`] : []),
    ...(task.queue === null ? [] : [`queue=${JSON.stringify(task.queue)}`]),
    ...(task.priority === null ? [] : [`priority=${task.priority}`]),
  ];
  return [...remarks(task, "#"), `result = app.send_task(${call.join(", ")})`, ""].join("\n");
}

/** JSON has no comments: what is not known exactly is left out, and the texts stand under names that say what they are. */
function asJson(task: CopiedTask): string {
  const args = exactList(task.argsValue);
  const kwargs = exactObject(task.kwargsValue);
  const members = [
    `"name": ${JSON.stringify(task.name ?? "")}`,
    args ? `"args": ${literal(args, JSON_TEXT)}` : `"argsRepr": ${JSON.stringify(textOf(task.argsValue))}`,
    kwargs ? `"kwargs": ${literal(kwargs, JSON_TEXT)}` : `"kwargsRepr": ${JSON.stringify(textOf(task.kwargsValue))}`,
    ...(task.queue === null ? [] : [`"queue": ${JSON.stringify(task.queue)}`]),
    ...(task.priority === null ? [] : [`"priority": ${task.priority}`]),
  ];
  return `{\n  ${members.join(",\n  ")}\n}\n`;
}

function remarks(task: CopiedTask, sign: string): string[] {
  const lines = [`${sign} Task ${oneLine(task.id)}`];
  for (const [what, value] of [
    ["args", task.argsValue],
    ["kwargs", task.kwargsValue],
  ] as const) {
    if (value !== null && (value.form !== "json" || value.cut)) {
      lines.push(`${sign} Its ${what} are only known as a text, which is not code: ${oneLine(textOf(value))}`);
    } else if (value === null) {
      lines.push(`${sign} Its ${what} are not known.`);
    }
  }
  return lines;
}

/** A line break would end the comment and begin code that a stranger wrote; other control characters could hide it. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, " ");
}

function textOf(value: TaskValue | null): string {
  if (value === null) {
    return "";
  }
  if (value.form === "hidden") {
    return "(hidden)";
  }
  return typeof value.value === "string" ? value.value : JSON.stringify(value.value);
}

function exactList(value: TaskValue | null): readonly unknown[] | undefined {
  return value?.form === "json" && !value.cut && Array.isArray(value.value) ? value.value : undefined;
}

function exactObject(value: TaskValue | null): Readonly<Record<string, unknown>> | undefined {
  return value?.form === "json" && !value.cut && isFields(value.value) ? value.value : undefined;
}

interface Dialect {
  readonly yes: string;
  readonly no: string;
  readonly none: string;
  bigint(digits: string): string;
  key(name: string): string;
}
const TYPESCRIPT: Dialect = {
  yes: "true",
  no: "false",
  none: "null",
  bigint: (digits) => `${digits}n`,
  // As a plain member it would set the object's prototype instead.
  key: (name) => (name === "__proto__" ? `["__proto__"]` : JSON.stringify(name)),
};
const PYTHON: Dialect = {
  yes: "True",
  no: "False",
  none: "None",
  bigint: (d) => d,
  key: (name) => JSON.stringify(name),
};
const JSON_TEXT: Dialect = { ...PYTHON, yes: "true", no: "false", none: "null" };

/** A JSON value as an expression. JSON's strings are strings of both languages too. */
function literal(value: unknown, dialect: Dialect): string {
  if (value === null || value === undefined) {
    return dialect.none;
  }
  if (typeof value === "boolean") {
    return value ? dialect.yes : dialect.no;
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => literal(item, dialect)).join(", ")}]`;
  }
  if (isFields(value)) {
    if (isBigint(value)) {
      return dialect.bigint(value.$bigint);
    }
    const members = Object.entries(value).map(([name, member]) => `${dialect.key(name)}: ${literal(member, dialect)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value) ?? dialect.none;
}
