import { asBlogError, type OpenBlog } from "./open-blog.js";
import type { FetchedPage, PageFetcher } from "./page-fetcher.js";
import type { ListPage, PostListing } from "./post.js";
import { BlogUnreadableError } from "./scrape-errors.js";

/** Pages without a single new post before the list counts as finished; some blogs link "older posts" for ever. */
const MAX_STALE_PAGES = 3;

/** Told about each page of the list, before its posts are given out. */
export interface ListObserver {
  onPage(page: { readonly number: number; readonly url: string; readonly newPosts: number }): Promise<void>;
  /** The list ends here, although the blog names another page. */
  onCutShort(reason: string): Promise<void>;
}

/**
 * All posts of a blog in the order it shows them (newest first), each once, page by page along the "older posts" links.
 * Ends at the last page, at one already read, after pages that bring nothing new, at `maxPages`, or as soon as a whole
 * page is older than `since` (`YYYY-MM-DD`).
 *
 * @throws BlogUnavailableError, BlogUnreadableError when a further page cannot be read.
 */
export async function* listPosts(
  blog: OpenBlog,
  options: { readonly since: string | null; readonly maxPages: number },
  { fetcher, observer, signal }: { fetcher: PageFetcher; observer: ListObserver; signal: AbortSignal },
): AsyncGenerator<PostListing, void, undefined> {
  const seenPages = new Set([blog.url]);
  const seenPosts = new Set<string>();
  let page: ListPage = blog.firstPage;
  let url = blog.url;
  let stalePages = 0;
  for (let number = 1; ; number += 1) {
    const fresh = page.posts.filter((post) => isNew(post, seenPosts));
    stalePages = fresh.length === 0 ? stalePages + 1 : 0;
    await observer.onPage({ number, url, newPosts: fresh.length });
    yield* fresh;
    const older = page.olderUrl;
    if (older === null || isOlderThan(page, options.since)) return;
    const obstacle = whyNotFollow(older, { blog, seenPages, stalePages, number, maxPages: options.maxPages });
    if (obstacle !== undefined) {
      await observer.onCutShort(obstacle);
      return;
    }
    seenPages.add(older);
    const fetched = await fetchListPage(older, number + 1, fetcher, signal);
    page = readListPage(blog, fetched);
    url = fetched.url;
    seenPages.add(url);
  }
}

/** Neighbouring pages often share a post. One without an address cannot be told from another, so it is always new. */
function isNew(post: PostListing, seenPosts: Set<string>): boolean {
  if (post.url === null) return true;
  if (seenPosts.has(post.url)) return false;
  seenPosts.add(post.url);
  return true;
}

/** One older post is no proof, since blogs pin posts to the top; a page of nothing else is. */
function isOlderThan(page: ListPage, since: string | null): boolean {
  const dates = page.posts.flatMap((post) => (post.date === null ? [] : [post.date]));
  return since !== null && dates.length > 0 && dates.every((date) => date < since);
}

function whyNotFollow(
  older: string,
  state: { blog: OpenBlog; seenPages: ReadonlySet<string>; stalePages: number; number: number; maxPages: number },
): string | undefined {
  if (state.seenPages.has(older)) return `page ${state.number} links back to ${older} as its older posts`;
  if (!isSameSite(older, state.blog.url))
    return `page ${state.number} names another site, ${older}, as its older posts`;
  if (state.stalePages >= MAX_STALE_PAGES) return `${MAX_STALE_PAGES} pages in a row had no new posts`;
  if (state.number >= state.maxPages) return `stopped after ${state.maxPages} pages`;
  return undefined;
}

async function fetchListPage(
  url: string,
  number: number,
  fetcher: PageFetcher,
  signal: AbortSignal,
): Promise<FetchedPage> {
  try {
    return await fetcher.fetchPage(url, signal);
  } catch (error) {
    throw asBlogError(error, `page ${number} of the blog's list of posts cannot be read`);
  }
}

function readListPage(blog: OpenBlog, fetched: FetchedPage): ListPage {
  const page = blog.readPage(fetched.text, fetched.url);
  if (page === undefined)
    throw new BlogUnreadableError(`${fetched.url} should hold older posts, but is no list of posts`);
  return page;
}

/** Whether two addresses belong to one site: same host and port, with or without `www.`, http or https. */
export function isSameSite(one: string, other: string): boolean {
  return siteOf(one) === siteOf(other);
}

function siteOf(address: string): string {
  return new URL(address).host.replace(/^www\./, "");
}
