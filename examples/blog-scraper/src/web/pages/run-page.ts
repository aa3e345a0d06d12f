import { html } from "hono/html";
import type { Job, LogEntry, Run } from "../../storage/repository.js";
import { layout, type Markup } from "./layout.js";
import { instant, isOver, runButton, runDuration, statusBadge, statusText } from "./parts.js";

/** What a run's page shows of a run, also as JSON for the page's script. */
export interface RunView {
  readonly status: Run["status"];
  readonly statusText: string;
  readonly over: boolean;
  readonly done: number;
  readonly total: number | null;
  readonly message: string;
  readonly error: string | null;
  readonly counts: Run["counts"];
  readonly duration: string;
}

export function viewRun(run: Run, now: Date): RunView {
  return {
    status: run.status,
    statusText: statusText(run.status),
    over: isOver(run),
    done: run.done,
    total: run.total,
    message: progressMessage(run),
    error: run.error,
    counts: run.counts,
    duration: runDuration(run, now),
  };
}

function progressMessage(run: Run): string {
  if (run.status === "QUEUED") return "Waiting for a worker";
  if (run.status === "RETRYING") return "The blog could not be reached; trying again soon";
  return isOver(run) ? "" : run.message;
}

/** A run: how far it is, what it counted, and its log, which the page's script keeps up to date. */
export function runPage(job: Job, run: Run, log: readonly LogEntry[], now: Date): Markup {
  const view = viewRun(run, now);
  const lastLogId = log.at(-1)?.id ?? 0;
  return layout({
    title: `Run of ${job.name}`,
    crumbs: [
      { href: "/", text: "Jobs" },
      { href: `/jobs/${job.id}`, text: job.name },
    ],
    main: html`<div id="run" data-state-url="/runs/${run.id}/state" data-last-log-id="${lastLogId}" data-over="${String(view.over)}">
<div class="title-row"><h1>Run ${statusBadge(run.status)}</h1><div class="when-over">${runButton(job, "Run again")}</div></div>
<p class="quiet">Queued ${instant(run.queuedAt)} · task <code>${run.id}</code></p>
<p class="problem" id="run-error" ${view.error === null ? "hidden" : ""}>${view.error ?? ""}</p>
<div class="progress-block">
<progress id="run-progress" aria-label="Progress" ${progressAttributes(view)}></progress>
<p class="progress-text"><span id="run-numbers">${numbers(view)}</span> <span id="run-message" class="quiet">${view.message}</span></p>
</div>
<p class="sr-only" role="status" id="run-announcement"></p>
<dl class="stats">
${stat("found", "Found", run.counts.found)}${stat("skipped", "Skipped", run.counts.skipped)}${stat("added", "New", run.counts.added)}${stat("updated", "Updated", run.counts.updated)}${stat("failed", "Not read", run.counts.failed)}
<div><dt>Took</dt><dd id="run-duration">${view.duration}</dd></div>
</dl>
<p><a class="button" href="/jobs/${job.id}#posts">See the posts</a></p>
<section aria-labelledby="log-title"><h2 id="log-title">Log</h2>
<ol class="log" id="run-log" tabindex="0" aria-labelledby="log-title">${log.map(logLine)}</ol>
<noscript><p class="quiet">Reload the page to see more.</p></noscript>
</section>
</div>`,
  });
}

function progressAttributes(view: RunView): Markup | string {
  if (view.total === null) return view.over ? html`value="0" max="1"` : "";
  return html`value="${view.total === 0 ? 1 : view.done}" max="${Math.max(1, view.total)}"`;
}

function numbers(view: RunView): string {
  return view.total === null ? "" : `${view.done} of ${view.total}`;
}

function stat(name: string, label: string, value: number): Markup {
  return html`<div><dt>${label}</dt><dd data-count="${name}">${value}</dd></div>`;
}

function logLine(entry: LogEntry): Markup {
  return html`<li data-level="${entry.level}"><time datetime="${entry.at.toISOString()}" data-clock>${entry.at.toISOString().slice(11, 19)}</time><span class="level">${entry.level}</span><span>${entry.message}</span></li>`;
}
