import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

/** Markup whose values were escaped where they were put in. */
export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

const LEAF = raw(
  `<svg class="leaf" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 22V11M12 15c-5 .5-8-2-8.5-7C8.5 7.5 11.5 10 12 15Zm0-4c-.5-4.5 2-8 8.5-8.5.5 6-3 9-8.5 8.5Z"/></svg>`,
);

/** A whole page. `crumbs` lead from the list of posts to it. */
export function layout(page: {
  readonly title: string;
  readonly crumbs?: readonly { readonly href: string; readonly text: string }[];
  readonly main: Markup;
}): Markup {
  const crumbs = page.crumbs ?? [];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · Blog scraper</title>
<link rel="icon" href="/assets/leaf.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script type="module" src="/assets/page.js"></script>
</head>
<body>
<a class="skip-link" href="#main">Skip to content</a>
<header class="top"><div class="wide">
<a class="brand" href="/">${LEAF}<span>Blog scraper</span></a>
<span class="tagline">an example of the Lovage task queue</span>
</div></header>
<main id="main" class="wide">
${crumbs.length > 0 ? html`<nav class="crumbs" aria-label="Breadcrumb"><ol>${crumbs.map(({ href, text }) => html`<li><a href="${href}">${text}</a></li>`)}</ol></nav>` : ""}
${page.main}
</main>
</body>
</html>`;
}

/** A page that says what went wrong. */
export function errorPage(title: string, text: string): Markup {
  return layout({
    title,
    crumbs: [{ href: "/", text: "All posts" }],
    main: html`<h1>${title}</h1><p>${text}</p><p><a class="button" href="/">Go to the posts</a></p>`,
  });
}
