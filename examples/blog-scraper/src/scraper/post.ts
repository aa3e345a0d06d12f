/** Where a post is found, before its text has been read. One entry of a blog's list of posts. */
export interface PostListing {
  /** Absolute address of the post, normalised by {@link normalisePostUrl}; `null` when the page names none. */
  readonly url: string | null;
  readonly title: string | null;
  readonly author: string | null;
  /** The calendar day the blog shows, `YYYY-MM-DD`; `null` when the blog shows none we can read. */
  readonly date: string | null;
  /** The time of day the blog shows, `HH:MM` on a 24-hour clock. */
  readonly time: string | null;
  /** The text as the list shows it; an excerpt when `truncated`. */
  readonly text: string;
  /** True when the list shows only the beginning and the rest is on the post's own page. */
  readonly truncated: boolean;
}

/** A post that was read completely. */
export interface Post {
  readonly url: string;
  readonly title: string | null;
  readonly author: string | null;
  /** `YYYY-MM-DD`, as the blog shows it. */
  readonly date: string | null;
  /** `HH:MM`, 24-hour clock, as the blog shows it. */
  readonly time: string | null;
  readonly text: string;
}

/** One page of a blog's list of posts, whatever it was written in. */
export interface ListPage {
  readonly posts: readonly PostListing[];
  /** Absolute address of the page with older posts, if there is one. */
  readonly olderUrl: string | null;
}

/** Query parameters that choose a view of a post (mobile, comments, campaign) and not another post. */
const VIEW_PARAMETERS = /^(m|showComment|spref|utm_[a-z]+|fbclid)$/;

/**
 * Makes two addresses of one post equal: no fragment, no view parameters (`?m=1`, `utm_source` …), no
 * default port. Returns `null` for anything but http and https addresses. `base` resolves relative ones.
 */
export function normalisePostUrl(href: string | undefined, base: string): string | null {
  if (href === undefined || href.trim() === "" || !URL.canParse(href.trim(), base)) return null;
  const url = new URL(href.trim(), base);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  url.hash = "";
  for (const name of [...url.searchParams.keys()]) if (VIEW_PARAMETERS.test(name)) url.searchParams.delete(name);
  return url.href;
}
