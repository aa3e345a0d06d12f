import type { JobSummary } from "../../../api/jobs.js";
import { type SortValue, sortRows } from "../../components/sort-rows.js";

/** Filters of the list of jobs; `state: "none"` asks for jobs that never ran. */
export interface JobFilter {
  readonly q?: string | undefined;
  readonly task?: string | undefined;
  readonly state?: string | undefined;
}

/** Jobs that a filter lets through. There are few: the browser can do it. */
export function matchingJobs(jobs: readonly JobSummary[], { q, task, state }: JobFilter): JobSummary[] {
  const sought = q?.toLowerCase();
  return jobs.filter(
    (job) =>
      (sought === undefined ||
        [job.slug, job.title, job.task, job.description ?? ""].some((text) => text.toLowerCase().includes(sought))) &&
      (task === undefined || job.task === task) &&
      (state === undefined || (state === "none" ? job.lastRun === null : job.lastRun?.state === state)),
  );
}

/** Sorted by a column, `-` before it for descending. */
export function sortJobs(jobs: readonly JobSummary[], sort: string): JobSummary[] {
  return sortRows(jobs, sort, columnValue, ({ title }) => title);
}

function columnValue(job: JobSummary, column: string): SortValue {
  switch (column) {
    case "task":
      return job.task;
    case "lastRun":
      return job.lastRun === null ? null : (job.lastRun.started ?? job.lastRun.queuedAt);
    case "running":
      return job.running;
    case "successRate":
      return job.successRate;
    case "lengthP95":
      return job.lengthP95;
    case "nextRun":
      return job.nextRun;
    case "runs":
      return job.runs;
    default:
      return job.title;
  }
}
