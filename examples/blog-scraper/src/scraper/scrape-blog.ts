import { openBlog } from "./open-blog.js";
import type { PageFetcher } from "./page-fetcher.js";
import type { Post, PostListing } from "./post.js";
import { type ListObserver, listPosts } from "./post-list.js";
import { readPost } from "./read-post.js";
import { BlogUnreadableError, FetchError, UnreadablePageError } from "./scrape-errors.js";

/** Which posts of which blog to read. */
export interface ScrapeRequest {
  readonly blogUrl: string;
  /** First and last day wanted, both included, `YYYY-MM-DD`, as the blog shows its dates. */
  readonly since: string | null;
  readonly until: string | null;
  /** How many of the posts in that range to pass over, from the newest. */
  readonly skip: number;
  /** How many to read after that; `null` means all. A post that cannot be read does not use up the number. */
  readonly limit: number | null;
}

/**
 * What a run has come across. After a run that went through, `found = skipped + extracted + failed`;
 * after one that was cut off, `found` is larger by the posts it did not get to.
 */
export interface ScrapeCounts {
  /** Different posts within the dates asked for that were looked at; with a limit, not all the blog has. */
  readonly found: number;
  /** Passed over as asked. */
  readonly skipped: number;
  /** Read and saved: `added + updated`. */
  readonly extracted: number;
  /** Saved for the first time. */
  readonly added: number;
  /** Saved before, by an earlier run of the job. */
  readonly updated: number;
  /** Could not be read. */
  readonly failed: number;
}

export const NO_COUNTS: ScrapeCounts = { found: 0, skipped: 0, extracted: 0, added: 0, updated: 0, failed: 0 };

export const LOG_LEVELS = ["info", "warning", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How far a run is. `total` is `null` while the blog's list of posts is still being read. */
export interface ScrapeProgress {
  /** Posts dealt with, extracted or failed. */
  readonly done: number;
  readonly total: number | null;
  readonly message: string;
  readonly counts: ScrapeCounts;
}

/** Where a run puts what it learns. A rejection of any of these ends the run. */
export interface ScrapeSink {
  /** Stores a post, once per address. */
  save(post: Post): Promise<"added" | "updated">;
  log(level: LogLevel, message: string): Promise<void>;
  progress(progress: ScrapeProgress): Promise<void>;
}

/**
 * Scrapes a blog: first the list of posts, so that the amount of work is known, then post by post in the blog's order.
 * One post that cannot be read is logged and counted, and the run goes on.
 *
 * @returns the counts of a run that went through.
 * @throws BlogUnreadableError (also BlogUnavailableError) when the blog, or a later page of its list, cannot be read; what was
 *   found up to there is saved. The signal's reason when aborted. `sink.progress` has then had the right counts.
 */
export async function scrapeBlog(
  request: ScrapeRequest,
  deps: { fetcher: PageFetcher; sink: ScrapeSink; signal: AbortSignal; maxPages?: number },
): Promise<ScrapeCounts> {
  return new BlogScrape(request, deps).run();
}

class BlogScrape {
  readonly #request: ScrapeRequest;
  readonly #fetcher: PageFetcher;
  readonly #sink: ScrapeSink;
  readonly #signal: AbortSignal;
  readonly #maxPages: number;
  #counts = NO_COUNTS;
  /** Pages of the list read so far. */
  #pages = 0;
  /** Why the list of posts broke off; kept until the posts already found are saved. */
  #listError: BlogUnreadableError | undefined;

  constructor(
    request: ScrapeRequest,
    deps: { fetcher: PageFetcher; sink: ScrapeSink; signal: AbortSignal; maxPages?: number },
  ) {
    this.#request = request;
    this.#fetcher = deps.fetcher;
    this.#sink = deps.sink;
    this.#signal = deps.signal;
    this.#maxPages = deps.maxPages ?? 500;
  }

  async run(): Promise<ScrapeCounts> {
    await this.#report(0, null, `Reading ${this.#request.blogUrl}`);
    const blog = await openBlog(this.#request.blogUrl, this.#fetcher, this.#signal);
    const origin = blog.source === "feed" ? `the feed ${blog.url}` : `the pages of ${blog.url}`;
    await this.#sink.log("info", `Reading the list of posts from ${origin}`);
    const listings = listPosts(
      blog,
      { since: this.#request.since, maxPages: this.#maxPages },
      { fetcher: this.#fetcher, observer: this.#listObserver(), signal: this.#signal },
    );
    const chosen = this.#choose(listings);
    const queue = await this.#takeInitial(chosen);
    await this.#logPlan(queue.length);
    await this.#extract(queue, chosen, (listing) => readPost(listing, blog, this.#fetcher, this.#signal));
    if (this.#listError !== undefined) throw this.#listError;
    return this.#counts;
  }

  #listObserver(): ListObserver {
    return {
      onPage: async ({ number, newPosts }) => {
        this.#pages = number;
        await this.#sink.log("info", `Page ${number} of the list: ${newPosts} ${newPosts === 1 ? "post" : "posts"}`);
      },
      onCutShort: (reason) => this.#sink.log("warning", `The list of posts ends here: ${reason}`),
    };
  }

  /** The posts to extract, in order: within the dates, after those to skip. Counts what it passes. */
  async *#choose(listings: AsyncIterable<PostListing>): AsyncGenerator<PostListing, void, undefined> {
    try {
      for await (const listing of listings) {
        if (!(await this.#isWithinDates(listing))) continue;
        this.#count("found");
        if (this.#counts.skipped < this.#request.skip) this.#count("skipped");
        else yield listing;
      }
    } catch (error) {
      if (!(error instanceof BlogUnreadableError)) throw error;
      this.#listError = error;
      await this.#sink.log("error", `${error.message}. Going on with the posts found so far.`);
    }
  }

  async #isWithinDates({ date, title, url }: PostListing): Promise<boolean> {
    const { since, until } = this.#request;
    if (since === null && until === null) return true;
    if (date === null) {
      await this.#sink.log("warning", `Left out ${title ?? url ?? "a post"}: it shows no date`);
      return false;
    }
    return (since === null || date >= since) && (until === null || date <= until);
  }

  /** As many posts as are wanted, or all there are: now the amount of work is known. */
  async #takeInitial(chosen: AsyncGenerator<PostListing, void, undefined>): Promise<PostListing[]> {
    const wanted = this.#request.limit ?? Number.POSITIVE_INFINITY;
    const taken: PostListing[] = [];
    while (taken.length < wanted) {
      const next = await chosen.next();
      if (next.done === true) break;
      taken.push(next.value);
      await this.#report(0, null, `Reading the list of posts: page ${this.#pages}`);
    }
    return taken;
  }

  async #logPlan(number: number): Promise<void> {
    const skipped = this.#counts.skipped > 0 ? `, ${this.#counts.skipped} skipped as asked` : "";
    await this.#sink.log("info", `${this.#counts.found} posts found${skipped}, ${number} to extract`);
    await this.#report(0, number, "Extracting posts");
  }

  /** Extracts what was taken; where one fails and a number of posts was asked for, the next one takes its place. */
  async #extract(
    queue: PostListing[],
    more: AsyncGenerator<PostListing, void, undefined>,
    read: (listing: PostListing) => Promise<Post>,
  ): Promise<void> {
    let total = queue.length;
    for (let listing = queue.shift(); listing !== undefined; listing = queue.shift()) {
      const extracted = await this.#extractOne(listing, read);
      if (!extracted && this.#request.limit !== null) {
        const next = await more.next();
        if (next.done !== true) {
          queue.push(next.value);
          total += 1;
        }
      }
      await this.#report(this.#counts.extracted + this.#counts.failed, total, listing.title ?? "(untitled)");
    }
  }

  async #extractOne(listing: PostListing, read: (listing: PostListing) => Promise<Post>): Promise<boolean> {
    const name = listing.title ?? listing.url ?? "a post without title and address";
    let post: Post;
    try {
      this.#signal.throwIfAborted();
      post = await read(listing);
    } catch (error) {
      if (!(error instanceof FetchError) && !(error instanceof UnreadablePageError)) throw error;
      this.#count("failed");
      await this.#sink.log("warning", `Skipped "${name}": ${error.message}`);
      return false;
    }
    const saved = await this.#sink.save(post);
    this.#count("extracted");
    this.#count(saved);
    return true;
  }

  #count(what: keyof ScrapeCounts): void {
    this.#counts = { ...this.#counts, [what]: this.#counts[what] + 1 };
  }

  async #report(done: number, total: number | null, message: string): Promise<void> {
    await this.#sink.progress({ done, total, message, counts: this.#counts });
  }
}
