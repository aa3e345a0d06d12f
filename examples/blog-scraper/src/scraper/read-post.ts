import { readBloggerPage } from "./blogger-page.js";
import type { OpenBlog } from "./open-blog.js";
import type { PageFetcher } from "./page-fetcher.js";
import type { Post, PostListing } from "./post.js";
import { isSameSite } from "./post-list.js";
import { UnreadablePageError } from "./scrape-errors.js";

/**
 * Completes one entry of the list: where the list shows only the beginning, the rest comes from the post's own page.
 *
 * @throws FetchError, UnreadablePageError when the post cannot be read; the run goes on without it.
 */
export async function readPost(
  listing: PostListing,
  blog: OpenBlog,
  fetcher: PageFetcher,
  signal: AbortSignal,
): Promise<Post> {
  const { truncated, url, ...shown } = listing;
  if (url === null) throw new UnreadablePageError("the blog's page gives no address for it");
  if (!truncated) return { url, ...shown };
  // A feed's excerpt is all there is to have where the post's page is on another site or in markup we do not know.
  if (!isSameSite(url, blog.url)) {
    if (blog.source === "feed") return { url, ...shown };
    throw new UnreadablePageError(`its page is on another site, ${new URL(url).host}`);
  }
  const page = await fetcher.fetchPage(url, signal);
  const posts = readBloggerPage(page.text, page.url)?.posts ?? [];
  const whole = posts.find((post) => post.url === url) ?? (posts.length === 1 ? posts[0] : undefined);
  if (whole === undefined) {
    if (blog.source === "feed") return { url, ...shown };
    throw new UnreadablePageError("its page holds no post");
  }
  return {
    url,
    title: shown.title ?? whole.title,
    author: shown.author ?? whole.author,
    date: shown.date ?? whole.date,
    time: shown.time ?? whole.time,
    text: whole.text,
  };
}
