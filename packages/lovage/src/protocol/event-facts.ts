import { decodeJson, encodeJson } from "./content.js";
import { RawJson } from "./raw-json.js";
import { type Fields, isFields } from "./read-fields.js";

/** Characters of JSON arguments, or of a JSON result, that an event carries at most: what is longer is left out whole. */
export const MAX_FACT_LENGTH = 8 * 1024;

/**
 * What our events say of a task beyond Celery's fields, as their member `lovage`, which other monitors ignore. Unlike the texts beside
 * them, `args`, `kwargs` and `result` are exact JSON: enough to send the task again.
 */
export interface TaskFacts {
  /** Absent, as is `kwargs`, when both together are longer than `MAX_FACT_LENGTH`. */
  readonly args?: unknown;
  readonly kwargs?: unknown;
  readonly queue?: string;
  readonly group_id?: string;
  readonly priority?: number;
  /** Bytes of the message's body. */
  readonly size?: number;
  readonly content_type?: string;
  /** How often the message has been handed out, this time included. */
  readonly deliveries?: number;
  /** Seconds. */
  readonly time_limit?: number;
  readonly soft_time_limit?: number;
  /** Null for no limit. */
  readonly max_retries?: number | null;
  /** Slug of the job that this is a run of, or that sent it; see `ORIGIN_HEADERS`. */
  readonly job?: string;
  readonly job_run?: string;
  /** Id of the task that this one repeats. */
  readonly rerun_of?: string;
  /** The beat entry that sent it. */
  readonly schedule?: string;
  readonly stamps?: Fields;
  /** What follows on the task when it has succeeded, which its message alone holds. Absent where the message was not read for it. */
  readonly follows?: readonly FollowUp[];
}

/** Members of a message's embed that name what a task's success sets going. */
const FOLLOW_UPS = ["chain", "chord", "callbacks"] as const;
export type FollowUp = (typeof FOLLOW_UPS)[number];

/**
 * What each event of one run says beside Celery's fields, in the same member: by it monitors tell the runs of a task apart where one
 * follows the other within a millisecond. Celery says `retries` of a task that is received only.
 */
export interface RunFacts {
  /** How often the task had been retried before this run: 0 in the first. */
  readonly retries: number;
}

/** Headers of a message that say where a task comes from. `periodic_task_name` is Celery's. */
export const ORIGIN_HEADERS = {
  job: "lovage_job",
  job_run: "lovage_job_run",
  rerun_of: "lovage_rerun_of",
  schedule: "periodic_task_name",
} as const;

/** The facts that a message's own headers tell. */
export function originFacts(headers: Fields): Pick<TaskFacts, keyof typeof ORIGIN_HEADERS> {
  const facts: Record<string, string> = {};
  for (const [fact, header] of Object.entries(ORIGIN_HEADERS)) {
    const value = headers[header];
    if (typeof value === "string" && value !== "") facts[fact] = value;
  }
  return facts;
}

/** Out of the third member of a body. */
export function followFacts(embed: unknown): Pick<TaskFacts, "follows"> {
  if (!isFields(embed)) return {};
  const isThere = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : isFields(value));
  return { follows: FOLLOW_UPS.filter((name) => isThere(embed[name])) };
}

/** Stamps, when there are any. */
export function stampFacts(stamps: unknown): Pick<TaskFacts, "stamps"> {
  return isFields(stamps) && Object.keys(stamps).length > 0 ? { stamps } : {};
}

/**
 * Arguments out of a body's JSON text, `[args, kwargs, embed]`, each to be written as it stands there: typed values keep their form and
 * integers all their digits. With them what follows on the task. Nothing when they are long, or no such text.
 */
export function argumentFacts(bodyText: string | undefined): Pick<TaskFacts, "args" | "kwargs" | "follows"> {
  if (bodyText === undefined || bodyText.length > MAX_FACT_LENGTH) return {};
  try {
    const body = decodeJson(bodyText, { typedValues: false });
    if (!Array.isArray(body)) return {};
    const [args, kwargs, embed] = body;
    const isCall = Array.isArray(args) && isFields(kwargs);
    return isCall ? { args: exact(args), kwargs: exact(kwargs), ...followFacts(embed) } : {};
  } catch {
    // What cannot be read here is refused where it matters; an event is no place for errors.
    return {};
  }
}

/** A result's JSON text, when it is short. */
export function resultFacts(text: string): { readonly result?: RawJson } {
  return text.length <= MAX_FACT_LENGTH ? { result: new RawJson(text) } : {};
}

function exact(value: unknown): RawJson {
  return new RawJson(encodeJson(value, { typedValues: false }));
}

/** What a task counts, off the wire or from user code: the finite numbers among the members. */
export function readCounters(value: unknown): Readonly<Record<string, number>> {
  if (!isFields(value)) return {};
  const counted = Object.entries(value).filter((each): each is [string, number] => Number.isFinite(each[1]));
  return Object.fromEntries(counted);
}
