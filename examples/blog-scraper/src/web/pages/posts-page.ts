import { html } from "hono/html";
import type { BlogOverview, PostFilter, StoredPost } from "../../storage/repository.js";
import { layout, type Markup } from "./layout.js";

/** Posts on one page of the table. */
export const POSTS_PER_PAGE = 25;

/** The posts there are, or those of one blog or run. */
export function postsPage(view: {
  readonly filter: PostFilter;
  readonly blogs: readonly BlogOverview[];
  readonly posts: readonly StoredPost[];
  readonly count: number;
  /** From 1. */
  readonly page: number;
}): Markup {
  const { filter, blogs, posts, count, page } = view;
  const title = filter.run === undefined ? "Posts" : "Posts of a run";
  return layout({
    title,
    ...((filter.run ?? filter.blog) !== undefined && { crumbs: [{ href: "/", text: "All posts" }] }),
    main: html`<h1>${title} <span class="count">${count}</span></h1>
${filter.run === undefined ? blogList(blogs, filter.blog) : html`<p class="address">${filter.run}</p>`}
${count === 0 ? html`<p class="empty">None yet. Press Run at the job in the console to fetch them.</p>` : postsTable(posts)}
${pager(filter, page, Math.ceil(count / POSTS_PER_PAGE))}`,
  });
}

function blogList(blogs: readonly BlogOverview[], current: string | undefined): Markup | "" {
  if (blogs.length < 2) return "";
  return html`<ul class="chips" aria-label="Blogs">${blogs.map(
    ({ blog, posts }) =>
      html`<li>${blog === current ? html`<strong>${blog}</strong>` : html`<a href="/?blog=${encodeURIComponent(blog)}">${blog}</a>`} ${posts}</li>`,
  )}</ul>`;
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

function pager(filter: PostFilter, page: number, pages: number): Markup | "" {
  if (pages <= 1) return "";
  const address = (target: number): string => {
    const query = new URLSearchParams({ page: String(target) });
    if (filter.blog !== undefined) query.set("blog", filter.blog);
    if (filter.run !== undefined) query.set("run", filter.run);
    return `/?${query}`;
  };
  const link = (target: number, text: string): Markup =>
    target < 1 || target > pages
      ? html`<span class="button" aria-disabled="true">${text}</span>`
      : html`<a class="button" href="${address(target)}">${text}</a>`;
  return html`<nav class="pager" aria-label="Pages of posts">${link(page - 1, "Newer")}<span>Page ${page} of ${pages}</span>${link(page + 1, "Older")}</nav>`;
}
