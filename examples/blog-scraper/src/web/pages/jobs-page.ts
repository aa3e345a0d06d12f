import { html } from "hono/html";
import type { JobOverview } from "../../storage/repository.js";
import { EMPTY_JOB_FORM, type JobField, type JobFormErrors, type JobFormValues } from "../job-form.js";
import { layout, type Markup } from "./layout.js";
import { instant, isOver, jobChips, runButton, statusBadge } from "./parts.js";

/** The list of jobs and, folded away, the form for a new one; unfolded to show what was wrong with it. */
export function jobsPage(
  jobs: readonly JobOverview[],
  form?: { values: JobFormValues; errors: JobFormErrors },
): Markup {
  return layout({
    title: form === undefined ? "Jobs" : "Please check the new job",
    main: html`<h1>Jobs</h1>
${jobs.length === 0 ? html`<p class="empty">No jobs yet. Make the first one below.</p>` : html`<ul class="cards">${jobs.map(jobCard)}</ul>`}
${newJobForm(form?.values ?? EMPTY_JOB_FORM, form?.errors ?? {}, form !== undefined || jobs.length === 0)}`,
  });
}

function jobCard({ job, posts, lastRun }: JobOverview): Markup {
  return html`<li class="card job">
<div class="job-about">
<h2><a href="/jobs/${job.id}">${job.name}</a></h2>
<p class="address">${job.blogUrl}</p>
${jobChips(job)}
</div>
<dl class="job-facts">
<div><dt>Posts saved</dt><dd>${posts}</dd></div>
<div><dt>Last run</dt><dd>${lastRun === undefined ? html`<span class="quiet">never</span>` : html`<a href="/runs/${lastRun.id}">${statusBadge(lastRun.status)}</a> <small>${isOver(lastRun) ? instant(lastRun.endedAt) : instant(lastRun.startedAt ?? lastRun.queuedAt)}</small>`}</dd></div>
</dl>
${runButton(job)}
</li>`;
}

function newJobForm(values: JobFormValues, errors: JobFormErrors, open: boolean): Markup {
  const problems = Object.keys(errors).length;
  return html`<details class="card new-job" ${open ? "open" : ""}>
<summary><h2>New job</h2></summary>
<form method="post" action="/jobs" novalidate>
${problems > 0 ? html`<p class="problem" role="alert" tabindex="-1" autofocus>The job was not saved: please check ${problems === 1 ? "the field" : `the ${problems} fields`} marked below.</p>` : ""}
${field({ name: "name", label: "Name", values, errors, attributes: { required: true, maxlength: 100, autocomplete: "off" } })}
${field({ name: "blogUrl", label: "Blog address", hint: "A Blogger blog, or any blog with an Atom or RSS feed.", values, errors, attributes: { type: "url", required: true, placeholder: "https://example.blogspot.com/", inputmode: "url" } })}
<div class="pair">
${field({ name: "since", label: "First day", hint: "Optional; included.", values, errors, attributes: { type: "date" } })}
${field({ name: "until", label: "Last day", hint: "Optional; included.", values, errors, attributes: { type: "date" } })}
</div>
<div class="pair">
${field({ name: "skip", label: "Posts to skip", hint: "From the newest. Empty: none.", values, errors, attributes: { type: "number", min: 0, step: 1, inputmode: "numeric" } })}
${field({ name: "limit", label: "Posts to extract", hint: "Empty: all.", values, errors, attributes: { type: "number", min: 1, step: 1, inputmode: "numeric" } })}
</div>
<button class="button primary" type="submit">Save job</button>
</form>
</details>`;
}

interface Field {
  readonly name: JobField;
  readonly label: string;
  readonly hint?: string;
  readonly values: JobFormValues;
  readonly errors: JobFormErrors;
  readonly attributes: Readonly<Record<string, string | number | true>>;
}

function field({ name, label, hint, values, errors, attributes }: Field): Markup {
  const error = errors[name];
  const notes = [
    hint === undefined ? undefined : `${name}-hint`,
    error === undefined ? undefined : `${name}-error`,
  ].filter((id) => id !== undefined);
  const extra = Object.entries(attributes).map(([key, value]) =>
    value === true ? html` ${key}` : html` ${key}="${value}"`,
  );
  return html`<div class="field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" value="${values[name]}"${extra}${notes.length > 0 ? html` aria-describedby="${notes.join(" ")}"` : ""}${error === undefined ? "" : html` aria-invalid="true"`}>
${hint === undefined ? "" : html`<small id="${name}-hint">${hint}</small>`}
${error === undefined ? "" : html`<small class="problem" id="${name}-error">${error}</small>`}
</div>`;
}
