import { type Cheerio, type CheerioAPI, load } from "cheerio";
import type { AnyNode, Element } from "domhandler";
import { type ListPage, normalisePostUrl, type PostListing } from "./post.js";
import { parseDay, parseTimeOfDay, parseTimestamp } from "./post-date.js";
import { oneLine, readableText } from "./readable-text.js";

/** Where Blogger's templates put things. Older and newer templates differ; the first that matches counts. */
const SELECTORS = {
  post: ".post",
  dateGroup: ".date-outer",
  dateHeader: ".date-header",
  title: ".post-title",
  body: ".post-body",
  author: ".post-footer .post-author, .post-author",
  authorName: "[itemprop='name'], .fn",
  timestamp: "abbr.published, .post-timestamp abbr, .timestamp-link abbr, time[datetime]",
  permalink: ".post-title a[href], a.timestamp-link[href], a[rel='bookmark'][href]",
  readMore: ".jump-link a[href]",
  older: "a.blog-pager-older-link[href], #blog-pager-older-link a[href], a[rel='next'][href]",
  container: ".blog-posts, #Blog1, .date-posts",
} as const;

/** Words that templates put before an author's name. */
const AUTHOR_LABEL = /^(posted by|von|publié par|publicado por|postato da|autor:?|by)\s+/i;

/**
 * Reads a page of a blog written by Blogger: its posts in order and the address of the page with older ones.
 *
 * @param url where the page was found; relative links start there (or at its `<base>`).
 * @returns `undefined` when the page has no Blogger markup at all. A Blogger page without posts is an empty list.
 */
export function readBloggerPage(html: string, url: string): ListPage | undefined {
  const $ = load(html);
  const base = baseOf($, url);
  const posts = $(SELECTORS.post).filter((_, element) => $(element).has(SELECTORS.body).length > 0);
  if (posts.length === 0 && $(SELECTORS.container).length === 0) return undefined;
  return {
    posts: posts.toArray().map((element) => readPost($, element, base)),
    olderUrl: normalisePostUrl($(SELECTORS.older).first().attr("href"), base),
  };
}

/** The addresses of feeds a page announces by `<link rel="alternate">`, Atom before RSS. */
export function announcedFeeds(html: string, url: string): readonly string[] {
  const $ = load(html);
  const base = baseOf($, url);
  return ["application/atom+xml", "application/rss+xml"].flatMap((type) =>
    $(`link[rel~='alternate'][type='${type}'][href]`)
      .toArray()
      .map((link) => normalisePostUrl($(link).attr("href"), base))
      .filter((address) => address !== null),
  );
}

function baseOf($: CheerioAPI, url: string): string {
  return normalisePostUrl($("base[href]").first().attr("href"), url) ?? url;
}

function readPost($: CheerioAPI, element: Element, base: string): PostListing {
  const post = $(element);
  const body = post.find(SELECTORS.body).first();
  const readMore = post.find(SELECTORS.readMore).first();
  body.find(".jump-link").remove();
  return {
    url: normalisePostUrl(permalink($, post) ?? readMore.attr("href"), base),
    title: oneLine(post.find(SELECTORS.title).first().text()),
    author: readAuthor(post),
    ...readDate(post),
    text: readableText($, body),
    truncated: readMore.length > 0,
  };
}

function permalink($: CheerioAPI, post: Cheerio<Element>): string | undefined {
  // Titles of old templates link elsewhere when the author asked for it, so a link that says it is permanent goes first.
  const links = post.find(SELECTORS.permalink).toArray();
  const permanent = links.find((link) => $(link).is("a.timestamp-link, a[rel='bookmark']")) ?? links[0];
  return permanent === undefined ? undefined : $(permanent).attr("href");
}

function readAuthor(post: Cheerio<Element>): string | null {
  const author = post.find(SELECTORS.author).first();
  const name = oneLine(author.find(SELECTORS.authorName).first().text());
  return name ?? oneLine(oneLine(author.text())?.replace(AUTHOR_LABEL, ""));
}

function readDate(post: Cheerio<Element>): { date: string | null; time: string | null } {
  const stamp = post.find(SELECTORS.timestamp).first();
  const exact = parseTimestamp(stamp.attr("title") ?? stamp.attr("datetime"));
  return {
    date: exact.date ?? parseDay(dateHeader(post)),
    time: exact.time ?? parseTimeOfDay(stamp.text()),
  };
}

/** Posts of one day share the header of their `div.date-outer`; older templates put it before the post. */
function dateHeader(post: Cheerio<Element>): string | undefined {
  const group = post.closest(SELECTORS.dateGroup);
  const header: Cheerio<AnyNode> =
    group.length > 0 ? group.find(SELECTORS.dateHeader).first() : post.prevAll(SELECTORS.dateHeader).first();
  return header.length > 0 ? header.text() : undefined;
}
