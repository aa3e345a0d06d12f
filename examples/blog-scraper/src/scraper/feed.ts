import { type Cheerio, type CheerioAPI, load } from "cheerio";
import type { Element } from "domhandler";
import { type ListPage, normalisePostUrl, type PostListing } from "./post.js";
import { parseTimestamp } from "./post-date.js";
import { oneLine, readableText } from "./readable-text.js";

/** Where feeds usually are when a page does not announce one. Blogger, WordPress, static site generators. */
export const COMMON_FEED_PATHS = [
  "/feeds/posts/default",
  "/feed",
  "/atom.xml",
  "/feed.xml",
  "/rss.xml",
  "/index.xml",
] as const;

/**
 * Reads an Atom (RFC 4287) or RSS 2.0 feed. Older entries are on the page its `next` link names (RFC 5005).
 *
 * @returns `undefined` when the document is neither.
 */
export function readFeed(xml: string, url: string): ListPage | undefined {
  if (!/<(feed|rss|rdf:RDF)[\s>]/i.test(xml.slice(0, 2048))) return undefined;
  const $ = load(xml, { xml: true });
  const atom = $("feed").first();
  if (atom.length > 0)
    return { posts: entries($, "entry", url, readAtomEntry), olderUrl: nextLink($, "feed > link", url) };
  if ($("rss, rdf\\:RDF").length === 0) return undefined;
  return {
    posts: entries($, "item", url, readRssItem),
    olderUrl: nextLink($, "channel > atom\\:link", url),
  };
}

type ReadEntry = ($: CheerioAPI, entry: Cheerio<Element>, url: string) => PostListing;

function entries($: CheerioAPI, name: string, url: string, read: ReadEntry): PostListing[] {
  return $.root()
    .find(name)
    .toArray()
    .map((element) => read($, $(element), url));
}

function nextLink($: CheerioAPI, selector: string, url: string): string | null {
  const link = $(selector).filter((_, element) => $(element).attr("rel") === "next");
  return normalisePostUrl(link.first().attr("href"), url);
}

function readAtomEntry($: CheerioAPI, entry: Cheerio<Element>, url: string): PostListing {
  const links = entry.children("link").toArray();
  // RFC 4287, 4.2.7.2: a link without rel is an alternate one.
  const alternate = links.find((link) => ($(link).attr("rel") ?? "alternate") === "alternate");
  const content = entry.children("content");
  const title = entry.children("title");
  return {
    url: normalisePostUrl(alternate === undefined ? undefined : $(alternate).attr("href"), url),
    title: oneLine(title.attr("type") === "html" ? htmlToText(title.text()) : title.text()),
    author: oneLine(entry.find("author > name").first().text()),
    ...parseTimestamp(entry.children("published").text() || entry.children("updated").text()),
    text: atomText($, content.length > 0 ? content : entry.children("summary")),
    truncated: content.length === 0,
  };
}

/** RFC 4287, 3.1.1: `html` is escaped markup, `xhtml` is markup, anything else is text. */
function atomText($: CheerioAPI, construct: Cheerio<Element>): string {
  const type = construct.attr("type") ?? "text";
  if (type === "xhtml") return readableText($, construct);
  return type.includes("html") ? htmlToText(construct.text()) : construct.text().trim();
}

function readRssItem(_: CheerioAPI, item: Cheerio<Element>, url: string): PostListing {
  const content = item.children("content\\:encoded");
  const description = item.children("description");
  const guid = item.children("guid");
  const address = item.children("link").text() || (guid.attr("isPermaLink") === "false" ? "" : guid.text());
  return {
    url: normalisePostUrl(address, url),
    title: oneLine(item.children("title").text()),
    author: oneLine(item.children("dc\\:creator").text() || item.children("author").text()),
    ...parseTimestamp(item.children("pubDate").text() || item.children("dc\\:date").text()),
    text: htmlToText((content.length > 0 ? content : description).text()),
    truncated: false,
  };
}

function htmlToText(html: string): string {
  const $ = load(html, null, false);
  return readableText($, $.root());
}
