import { html } from "hono/html";
import { FINAL_STATUSES, type Job, type Run, type RunStatus } from "../../storage/repository.js";
import type { Markup } from "./layout.js";

const STATUS_TEXT: Readonly<Record<RunStatus, string>> = {
  QUEUED: "Queued",
  RUNNING: "Running",
  RETRYING: "Waiting to retry",
  COMPLETED: "Completed",
  FAILED: "Failed",
  STOPPED: "Stopped",
};

/** The words that stand for a status on the pages. */
export function statusText(status: RunStatus): string {
  return STATUS_TEXT[status];
}

export function statusBadge(status: RunStatus): Markup {
  return html`<span class="badge" data-status="${status}">${statusText(status)}</span>`;
}

/** The button that runs a job. A plain form, so it works without scripts too. */
export function runButton(job: Job, text = "Run"): Markup {
  return html`<form class="run-form" method="post" action="/jobs/${job.id}/run"><button class="button primary" type="submit" aria-label="${text}: ${job.name}">${text}</button></form>`;
}

/** Which posts a job takes, as short notes: "from 2024-01-01", "skip 2", "5 posts". */
export function jobNotes(job: Job): readonly string[] {
  const notes: string[] = [];
  if (job.since !== null) notes.push(`from ${job.since}`);
  if (job.until !== null) notes.push(`until ${job.until}`);
  if (job.skip > 0) notes.push(`skip ${job.skip}`);
  notes.push(job.limit === null ? "all posts" : `${job.limit} ${job.limit === 1 ? "post" : "posts"}`);
  return notes;
}

export function jobChips(job: Job): Markup {
  return html`<ul class="chips" aria-label="Which posts">${jobNotes(job).map((note) => html`<li>${note}</li>`)}</ul>`;
}

/** An instant, which the page's script turns into the reader's own time. */
export function instant(at: Date | null): Markup {
  if (at === null) return html`<span class="quiet">–</span>`;
  return html`<time datetime="${at.toISOString()}">${at.toISOString().slice(0, 16).replace("T", " ")} UTC</time>`;
}

/** How long a run took, or has taken so far: "4.2 s", "3 min 5 s". */
export function runDuration(run: Run, now: Date): string {
  if (run.startedAt === null) return "–";
  const seconds = ((run.endedAt ?? now).getTime() - run.startedAt.getTime()) / 1000;
  if (seconds < 60) return `${Math.max(0, seconds).toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

export function isOver(run: Run): boolean {
  return FINAL_STATUSES.has(run.status);
}
