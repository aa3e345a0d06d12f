import type { SamplePost } from "./sample-posts.js";

/** What all pages of the sample blog share. */
export const BLOG_TITLE = "The Lovage Patch";

/** Where a post of the sample blog lives, starting with `/`. Disallowed ones are under a path that robots.txt names. */
export function postPath(post: SamplePost): string {
  const folder =
    post.ownPage === "disallowed" ? "members" : (post.at ?? "2024-06-09 00:00").slice(0, 7).replace("-", "/");
  return `/${folder}/${encodeURIComponent(post.slug)}.html`;
}

/** A page of the list, in the markup of Blogger's classic templates. `olderHref` is `null` on the last one. */
export function listPage(
  posts: readonly SamplePost[],
  origin: string,
  olderHref: string | null,
  metaCharset: string,
): string {
  const older =
    olderHref === null
      ? ""
      : `<div class='blog-pager' id='blog-pager'><span id='blog-pager-older-link'><a class='blog-pager-older-link' href='${escapeHtml(olderHref)}' id='Blog1_blog-pager-older-link' title='Older Posts'>Older Posts</a></span></div>`;
  return layout(
    BLOG_TITLE,
    metaCharset,
    `<div class='blog-posts hfeed'>${dateGroups(posts, origin).join("\n")}</div>\n${older}`,
    origin,
  );
}

/** A post's own page, with all of its text. */
export function postPage(post: SamplePost, origin: string): string {
  const body = `<div class='blog-posts hfeed'>${dateGroup([post], (one) => postMarkup(one, origin, false))}</div>`;
  return layout(`${BLOG_TITLE}: ${post.title ?? ""}`, "utf-8", body, origin);
}

/** What is left of a page whose template broke in the middle. */
export function brokenPage(post: SamplePost): string {
  return `<!DOCTYPE html><html><head><title>${escapeHtml(post.title ?? "")}</title></head><body><div class='main'><b:section class='main' id='main'><b:widget id='Blog1'`;
}

export function escapeHtml(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
}

/** Blogger puts posts of one day under one date header. */
function dateGroups(posts: readonly SamplePost[], origin: string): string[] {
  const days = new Map<string, SamplePost[]>();
  for (const post of posts) {
    const day = post.at?.slice(0, 10) ?? post.slug;
    days.set(day, [...(days.get(day) ?? []), post]);
  }
  return [...days.values()].map((group) => dateGroup(group, (post) => postMarkup(post, origin, true)));
}

function dateGroup(posts: readonly SamplePost[], markup: (post: SamplePost) => string): string {
  const at = posts[0]?.at ?? null;
  const header = at === null ? "" : `<h2 class='date-header'><span>${longDate(at)}</span></h2>`;
  return `<div class="date-outer">${header}<div class="date-posts">${posts.map(markup).join("\n")}</div></div>`;
}

function postMarkup(post: SamplePost, origin: string, inList: boolean): string {
  const href = escapeHtml(linkTo(post, origin));
  const title =
    post.title === null
      ? ""
      : `<h3 class='post-title entry-title' itemprop='name'><a href='${href}'>${escapeHtml(post.title)}</a></h3>`;
  const cut = inList && post.cut === true;
  const paragraphs = (cut ? post.paragraphs.slice(0, 1) : post.paragraphs)
    .map((text) => `<p>${escapeHtml(text)}</p>`)
    .join("\n");
  const more = cut ? `<div class='jump-link'><a href='${href}#more'>Read more »</a></div>` : "";
  return `<div class='post-outer'><div class='post hentry' itemscope='itemscope'>
${title}
<div class='post-body entry-content'>${paragraphs}<div style='clear: both;'></div></div>
${more}
<div class='post-footer'><div class='post-footer-line post-footer-line-1'>${author(post)}${timestamp(post, href)}</div></div>
</div></div>`;
}

function author(post: SamplePost): string {
  if (post.author === null) return "";
  return `<span class='post-author vcard'>Posted by <span class='fn' itemprop='author'><span itemprop='name'>${escapeHtml(post.author)}</span></span></span>`;
}

function timestamp(post: SamplePost, href: string): string {
  const stamp =
    post.at === null
      ? ""
      : `<abbr class='published' title='${post.at.replace(" ", "T")}:00${zoneOf(post.at)}'>${shortTime(post.at)}</abbr>`;
  return `<span class='post-timestamp'> at <a class='timestamp-link' href='${href}' rel='bookmark' title='permanent link'>${stamp}</a></span>`;
}

function linkTo(post: SamplePost, origin: string): string {
  const path = postPath(post);
  if (post.links === "relative") return path;
  return post.links === "mobile" ? `${origin}${path}?m=1` : `${origin}${path}`;
}

/** Summer time from April to October is near enough for a sample. */
function zoneOf(at: string): string {
  const month = Number(at.slice(5, 7));
  return month >= 4 && month <= 10 ? "+02:00" : "+01:00";
}

function longDate(at: string): string {
  const day = new Date(`${at.slice(0, 10)}T12:00:00Z`);
  return new Intl.DateTimeFormat("en-US", { dateStyle: "full", timeZone: "UTC" }).format(day);
}

function shortTime(at: string): string {
  const hour = Number(at.slice(11, 13));
  return `${hour % 12 === 0 ? 12 : hour % 12}:${at.slice(14, 16)} ${hour < 12 ? "AM" : "PM"}`;
}

function layout(title: string, metaCharset: string, body: string, origin: string): string {
  return `<!DOCTYPE html>
<html lang='en'><head><meta http-equiv='Content-Type' content='text/html; charset=${metaCharset}'/>
<meta name='viewport' content='width=device-width, initial-scale=1'/>
<title>${escapeHtml(title)}</title>
<link rel='alternate' type='application/atom+xml' title='Atom' href='${origin}/feeds/posts/default'/>
<style>body{font:1.05rem/1.6 Georgia,serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#2b2b20;background:#fbfaf3}
h1 a,h3 a{color:#3c6e2f;text-decoration:none}.date-header{font-size:.85rem;color:#77705a;margin-top:2.5rem}.post-footer{font-size:.85rem;color:#77705a}</style>
</head><body><h1><a href='/'>${BLOG_TITLE}</a></h1>
<script>document.title = document.title; /* a script, which no text may contain */</script>
${body}
</body></html>`;
}
