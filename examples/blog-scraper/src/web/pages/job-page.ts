import { html } from "hono/html";
import type { Job, Run, StoredPost } from "../../storage/repository.js";
import { layout, type Markup } from "./layout.js";
import { instant, jobChips, runButton, runDuration, statusBadge } from "./parts.js";

/** Posts on one page of a job's table. */
export const POSTS_PER_PAGE = 25;

/** A job: its parameters, its runs, and the posts it has saved. */
export function jobPage(view: {
  readonly job: Job;
  readonly runs: readonly Run[];
  readonly posts: readonly StoredPost[];
  readonly postCount: number;
  /** From 1. */
  readonly page: number;
  readonly now: Date;
}): Markup {
  const { job, runs, posts, postCount, page, now } = view;
  return layout({
    title: job.name,
    crumbs: [{ href: "/", text: "Jobs" }],
    main: html`<div class="title-row"><h1>${job.name}</h1>${runButton(job)}</div>
<p class="address"><a href="${job.blogUrl}" rel="noreferrer">${job.blogUrl}</a></p>
${jobChips(job)}
<section aria-labelledby="posts"><h2 id="posts">Posts <span class="count">${postCount}</span></h2>
${postCount === 0 ? html`<p class="empty">None yet. Run the job to fetch them.</p>` : postsTable(posts)}
${pager(job, page, Math.ceil(postCount / POSTS_PER_PAGE))}
</section>
<section aria-labelledby="runs"><h2 id="runs">Runs</h2>
${runs.length === 0 ? html`<p class="empty">This job has not run yet.</p>` : runsTable(runs, now)}
</section>`,
  });
}

function postsTable(posts: readonly StoredPost[]): Markup {
  return html`<table class="stack">
<thead><tr><th scope="col">Date</th><th scope="col">Title</th><th scope="col">Author</th><th scope="col" class="number">Words</th></tr></thead>
<tbody>${posts.map(
    (post) => html`<tr>
<td class="date" data-label="Date">${post.date ?? html`<span class="quiet">no date</span>`} <span class="quiet">${post.time ?? ""}</span></td>
<td class="main-cell" data-label="Title"><a href="/posts/${post.id}">${post.title ?? html`<em>untitled</em>`}</a></td>
<td data-label="Author">${post.author ?? html`<span class="quiet">not named</span>`}</td>
<td class="number" data-label="Words">${wordCount(post.text)}</td></tr>`,
  )}</tbody></table>`;
}

function wordCount(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

function pager(job: Job, page: number, pages: number): Markup | "" {
  if (pages <= 1) return "";
  const link = (target: number, text: string): Markup =>
    target < 1 || target > pages
      ? html`<span class="button" aria-disabled="true">${text}</span>`
      : html`<a class="button" href="/jobs/${job.id}?page=${target}#posts">${text}</a>`;
  return html`<nav class="pager" aria-label="Pages of posts">${link(page - 1, "Newer")}<span>Page ${page} of ${pages}</span>${link(page + 1, "Older")}</nav>`;
}

function runsTable(runs: readonly Run[], now: Date): Markup {
  return html`<table class="stack">
<thead><tr><th scope="col">Started</th><th scope="col">Status</th><th scope="col" class="number">Found</th><th scope="col" class="number">Extracted</th><th scope="col" class="number">Not read</th><th scope="col" class="number">Took</th></tr></thead>
<tbody>${runs.map(
    (run) => html`<tr>
<td class="main-cell" data-label="Started"><a href="/runs/${run.id}">${instant(run.startedAt ?? run.queuedAt)}</a></td>
<td data-label="Status">${statusBadge(run.status)}</td>
<td class="number" data-label="Found">${run.counts.found}</td>
<td class="number" data-label="Extracted">${run.counts.extracted}</td>
<td class="number" data-label="Not read">${run.counts.failed}</td>
<td class="number" data-label="Took">${runDuration(run, now)}</td></tr>`,
  )}</tbody></table>`;
}
