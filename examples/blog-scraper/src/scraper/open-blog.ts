import { announcedFeeds, readBloggerPage } from "./blogger-page.js";
import { COMMON_FEED_PATHS, readFeed } from "./feed.js";
import type { FetchedPage, PageFetcher } from "./page-fetcher.js";
import type { ListPage } from "./post.js";
import { BlogUnavailableError, BlogUnreadableError, FetchError } from "./scrape-errors.js";

/** A blog whose first page was read, and how to read its further ones. */
export interface OpenBlog {
  /** What its list of posts is written in. */
  readonly source: "blogger" | "feed";
  /** Where the first page was found, after redirects. */
  readonly url: string;
  readonly firstPage: ListPage;
  /** Reads a further page of the list; `undefined` when it is not one. */
  readonly readPage: (text: string, url: string) => ListPage | undefined;
}

/**
 * Fetches a blog's address and finds out how to read it: Blogger's markup, or else its Atom or RSS feed,
 * announced by the page or at one of the usual places. The address may also be a feed's own.
 *
 * @throws BlogUnavailableError when it cannot be reached now, BlogUnreadableError when it is no blog we can read.
 */
export async function openBlog(address: string, fetcher: PageFetcher, signal: AbortSignal): Promise<OpenBlog> {
  const page = await fetchFirstPage(address, fetcher, signal);
  const direct = readAsFeed(page);
  if (direct !== undefined) return direct;
  const list = readBloggerPage(page.text, page.url);
  if (list !== undefined && list.posts.length > 0) {
    return { source: "blogger", url: page.url, firstPage: list, readPage: readBloggerPage };
  }
  const feed = await findFeed(page, fetcher, signal);
  if (feed !== undefined) return feed;
  if (list !== undefined) return { source: "blogger", url: page.url, firstPage: list, readPage: readBloggerPage };
  throw new BlogUnreadableError(`${page.url} has no posts in Blogger's markup and no Atom or RSS feed`);
}

async function fetchFirstPage(address: string, fetcher: PageFetcher, signal: AbortSignal): Promise<FetchedPage> {
  try {
    return await fetcher.fetchPage(address, signal);
  } catch (error) {
    throw asBlogError(error, "the blog cannot be read");
  }
}

/** Turns a failed fetch into the error that ends the run; anything else is returned as it is. */
export function asBlogError(error: unknown, what: string): unknown {
  if (!(error instanceof FetchError)) return error;
  const BlogError = error.temporary ? BlogUnavailableError : BlogUnreadableError;
  return new BlogError(`${what}: ${error.message}`, { cause: error });
}

function readAsFeed(page: FetchedPage): OpenBlog | undefined {
  const firstPage = readFeed(page.text, page.url);
  return firstPage === undefined ? undefined : { source: "feed", url: page.url, firstPage, readPage: readFeed };
}

async function findFeed(page: FetchedPage, fetcher: PageFetcher, signal: AbortSignal): Promise<OpenBlog | undefined> {
  const announced = announcedFeeds(page.text, page.url);
  const usual = [".", "/"].flatMap((root) =>
    COMMON_FEED_PATHS.map((path) => new URL(path.slice(1), new URL(root, page.url)).href),
  );
  for (const address of new Set([...announced, ...usual])) {
    const feed = await tryFeed(address, fetcher, signal);
    if (feed !== undefined) return feed;
  }
  return undefined;
}

async function tryFeed(address: string, fetcher: PageFetcher, signal: AbortSignal): Promise<OpenBlog | undefined> {
  try {
    return readAsFeed(await fetcher.fetchPage(address, signal));
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    if (error.temporary) throw asBlogError(error, "the blog's feed cannot be read");
    return undefined;
  }
}
