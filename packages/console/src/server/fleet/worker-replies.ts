import { type Fields, isFields } from "lovage/internal";
import type { ContentsGuard } from "../ingest/contents-guard.js";
import { keptText } from "../ingest/narrow.js";
import { redactValue } from "../ingest/redact.js";

/** What workers are asked. `registered_limits` and `conf_all` are `registered` and `conf` with other arguments. */
export const QUESTIONS = {
  stats: { method: "stats", args: {} },
  active: { method: "active", args: { safe: true } },
  reserved: { method: "reserved", args: {} },
  active_queues: { method: "active_queues", args: {} },
  scheduled: { method: "scheduled", args: {} },
  registered: { method: "registered", args: {} },
  revoked: { method: "revoked", args: {} },
  conf: { method: "conf", args: { with_defaults: false } },
  conf_all: { method: "conf", args: { with_defaults: true } },
  registered_limits: {
    method: "registered",
    args: { taskinfoitems: ["rate_limit", "time_limit", "soft_time_limit"] },
  },
  /** Ours only: a Celery worker knows no such command. */
  limits: { method: "limits", args: {} },
} as const satisfies Readonly<Record<string, { readonly method: string; readonly args: Fields }>>;
export type Question = keyof typeof QUESTIONS;

/** What lists show; asked again and again while somebody looks. */
export const QUICK_QUESTIONS = ["stats", "active", "reserved", "active_queues"] as const satisfies readonly Question[];
/** What Flower's API gives; asked of a worker that appears, and when somebody asks for it. */
export const ALL_QUESTIONS = [
  ...QUICK_QUESTIONS,
  "scheduled",
  "registered",
  "revoked",
  "conf",
] as const satisfies readonly Question[];
/** What a worker's page shows besides. */
export const DETAIL_QUESTIONS = [
  ...ALL_QUESTIONS,
  "conf_all",
  "registered_limits",
] as const satisfies readonly Question[];

/** Replies under their question's name, as they came but for secrets. */
export type Replies = { readonly [Q in Question]?: unknown } & { readonly counts?: ListCounts };

/** How many items a worker's lists had, of which at most a thousand are kept. */
export interface ListCounts {
  readonly active?: number;
  readonly reserved?: number;
}

/** Items kept of one list: a worker may hold tens of thousands of tasks. */
const MAX_ITEMS = 1000;

/** A reply as it may be kept: bounded, and redacted as events are. Undefined for a refusal. */
export function keptReply(question: Question, reply: unknown, guard: ContentsGuard): unknown {
  if (isFields(reply) && typeof reply.error === "string" && Object.keys(reply).length === 1) return undefined;
  switch (question) {
    case "active":
    case "reserved":
      return listOf(reply).map((task) => keptTask(task, guard));
    case "scheduled":
      return listOf(reply).map((entry) =>
        isFields(entry) ? { ...plainFields(entry), request: keptTask(entry.request, guard) } : {},
      );
    default:
      return redactValue(Array.isArray(reply) ? reply.slice(0, MAX_ITEMS) : reply).value;
  }
}

/** The count to keep beside a reply that is cut. */
export function countIn(question: Question, reply: unknown): ListCounts {
  const isCounted = question === "active" || question === "reserved";
  return isCounted && Array.isArray(reply) ? { [question]: reply.length } : {};
}

/** How many items a list had; null where that is not known: the list was cut, and its count not kept. */
export function countOf(question: keyof ListCounts, replies: Replies): number | null {
  const { [question]: list, counts } = replies;
  if (list === undefined) return null;
  const kept = listOf(list).length;
  return counts?.[question] ?? (kept < MAX_ITEMS ? kept : null);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_ITEMS) : [];
}

function keptTask(task: unknown, guard: ContentsGuard): Fields {
  if (!isFields(task)) return {};
  const { args, kwargs, ...rest } = task;
  const contents = guard.keep({
    name: typeof task.type === "string" ? task.type : undefined,
    args: typeof args === "string" ? args : undefined,
    kwargs: typeof kwargs === "string" ? kwargs : undefined,
    result: undefined,
    exactArgs: Array.isArray(args) ? args : undefined,
    exactKwargs: isFields(kwargs) ? kwargs : undefined,
    exactResult: undefined,
  });
  return { ...plainFields(rest), args: contents.args ?? "", kwargs: contents.kwargs ?? "" };
}

function plainFields(fields: Fields): Fields {
  const { value } = redactValue(fields);
  return isFields(value) ? value : {};
}

/** A worker's own words: of `{"ok": …}` and `{"error": …}`, or of any other answer. */
export function wordsOf(reply: unknown): { readonly refused: boolean; readonly text: string } {
  if (isFields(reply) && reply.error !== undefined) return { refused: true, text: plain(reply.error) };
  if (isFields(reply) && reply.ok !== undefined) return { refused: false, text: plain(reply.ok) };
  return { refused: false, text: plain(reply) };
}

const LONGEST_WORDS = 2000;

function plain(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(redactValue(value).value) ?? "");
  return keptText(text, LONGEST_WORDS);
}
