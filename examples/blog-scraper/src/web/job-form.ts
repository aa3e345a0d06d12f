import { isIsoDay } from "../scraper/post-date.js";
import type { JobDraft } from "../storage/repository.js";

/** The fields of the form as they were sent, to show them again beside what is wrong with them. */
export const JOB_FIELDS = ["name", "blogUrl", "since", "until", "skip", "limit"] as const;
export type JobField = (typeof JOB_FIELDS)[number];
export type JobFormValues = Readonly<Record<JobField, string>>;
export type JobFormErrors = Readonly<Partial<Record<JobField, string>>>;

export const EMPTY_JOB_FORM: JobFormValues = { name: "", blogUrl: "", since: "", until: "", skip: "", limit: "" };

export type ParsedJobForm =
  | { readonly ok: true; readonly draft: JobDraft }
  | { readonly ok: false; readonly values: JobFormValues; readonly errors: JobFormErrors };

const MAX_NAME = 100;
const MAX_ADDRESS = 2000;
const MAX_POSTS = 100_000;

/** Reads what the form sent; all problems are reported together. Missing fields count as empty. */
export function parseJobForm(fields: Readonly<Record<string, unknown>>): ParsedJobForm {
  const values: JobFormValues = {
    name: textOf(fields.name),
    blogUrl: textOf(fields.blogUrl),
    since: textOf(fields.since),
    until: textOf(fields.until),
    skip: textOf(fields.skip),
    limit: textOf(fields.limit),
  };
  const errors: Partial<Record<JobField, string>> = {};
  const check = (field: JobField, problem: string | undefined): void => {
    if (problem !== undefined) errors[field] = problem;
  };
  check("name", nameProblem(values.name));
  check("blogUrl", addressProblem(values.blogUrl));
  check("since", dayProblem(values.since));
  check("until", dayProblem(values.until) ?? orderProblem(values.since, values.until));
  check("skip", countProblem(values.skip, 0));
  check("limit", countProblem(values.limit, 1));
  if (Object.keys(errors).length > 0) return { ok: false, values, errors };
  return {
    ok: true,
    draft: {
      name: values.name,
      blogUrl: new URL(values.blogUrl).href,
      since: values.since || null,
      until: values.until || null,
      skip: Number(values.skip || 0),
      limit: values.limit === "" ? null : Number(values.limit),
    },
  };
}

function textOf(field: unknown): string {
  return typeof field === "string" ? field.trim() : "";
}

function nameProblem(name: string): string | undefined {
  if (name === "") return "Give the job a name.";
  return name.length > MAX_NAME ? `Use at most ${MAX_NAME} characters.` : undefined;
}

/** What is wrong with a blog's address, if anything. */
export function addressProblem(address: string): string | undefined {
  const isWeb = URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
  if (!isWeb) return "Enter a web address such as https://example.blogspot.com/.";
  if (new URL(address).username !== "") return "Leave the user name and password out of the address.";
  return address.length > MAX_ADDRESS ? `Use at most ${MAX_ADDRESS} characters.` : undefined;
}

/** What is wrong with a day, if anything; none is fine. */
export function dayProblem(day: string): string | undefined {
  return day === "" || isIsoDay(day) ? undefined : "Enter a day as year-month-day, such as 2024-01-31.";
}

/** What is wrong with two days together, if anything. */
export function orderProblem(since: string, until: string): string | undefined {
  return since !== "" && until !== "" && since > until ? "The last day is before the first." : undefined;
}

/** What is wrong with a number of posts, if anything; none is fine. */
export function countProblem(text: string, least: number): string | undefined {
  if (text === "") return undefined;
  const isCount = /^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= MAX_POSTS;
  return isCount ? undefined : `Enter a whole number from ${least} to ${MAX_POSTS}.`;
}
