import { html } from "hono/html";
import type { StoredPost } from "../../storage/repository.js";
import { layout, type Markup } from "./layout.js";

/** A saved post and where it came from. */
export function postPage(post: StoredPost): Markup {
  const title = post.title ?? "Untitled post";
  return layout({
    title,
    crumbs: [
      { href: "/", text: "All posts" },
      { href: `/?blog=${encodeURIComponent(post.blog)}`, text: post.blog },
    ],
    main: html`<article class="post">
<h1>${title}</h1>
<p class="quiet">${[post.author ?? "author not named", post.date ?? "no date", post.time ?? ""].filter((part) => part !== "").join(" · ")}</p>
<div class="post-text">${post.text.split(/\n{2,}/).map((paragraph) => html`<p>${paragraph}</p>`)}</div>
<footer><p class="address"><a href="${post.url}" rel="noreferrer">${post.url}</a></p>
<p class="quiet">First saved ${instant(post.firstSavedAt)}, last saved ${instant(post.lastSavedAt)}</p></footer>
</article>`,
  });
}

/** An instant, which the page's script turns into the reader's own time. */
function instant(at: Date): Markup {
  return html`<time datetime="${at.toISOString()}">${at.toISOString().slice(0, 16).replace("T", " ")} UTC</time>`;
}
