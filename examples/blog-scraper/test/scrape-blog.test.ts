import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PageFetcher } from "../src/scraper/page-fetcher.js";
import { type ScrapeRequest, type ScrapeSink, scrapeBlog } from "../src/scraper/scrape-blog.js";
import { BlogUnavailableError, BlogUnreadableError } from "../src/scraper/scrape-errors.js";
import { bloggerPage, bloggerPost, dayPosts } from "./support/blogger-markup.js";
import { RecordingSink } from "./support/recording-sink.js";
import { type ScriptedSite, startSite } from "./support/scripted-site.js";

const never = new AbortController().signal;

function scrape(
  site: ScriptedSite,
  sink: ScrapeSink,
  request: Partial<ScrapeRequest> = {},
  options: { signal?: AbortSignal; maxPages?: number } = {},
) {
  const fetcher = new PageFetcher({ pause: 0, retryDelay: 0.001, attempts: 2 });
  const whole: ScrapeRequest = {
    blogUrl: `${site.origin}/`,
    since: null,
    until: null,
    skip: 0,
    limit: null,
    ...request,
  };
  return scrapeBlog(whole, { fetcher, sink, signal: never, ...options });
}

/** Posts of 30 to 1 January on three pages that overlap by one post. */
async function januaryBlog(): Promise<ScriptedSite> {
  const site = await startSite();
  site.page("/", bloggerPage(dayPosts(30, 21), "/?2"));
  site.page("/?2", bloggerPage(dayPosts(21, 11), "/?3"));
  site.page("/?3", bloggerPage(dayPosts(11, 1)));
  return site;
}

describe("scrapeBlog", () => {
  test("reads all posts of all pages, each once", async () => {
    await using site = await januaryBlog();
    const sink = new RecordingSink();
    const counts = await scrape(site, sink);
    expect(counts).toEqual({ found: 30, skipped: 0, extracted: 30, added: 30, updated: 0, failed: 0 });
    expect(sink.titles()).toEqual(Array.from({ length: 30 }, (_, index) => `Post ${30 - index}`));
  });

  test("reports the list first and then each post up to the total", async () => {
    await using site = await januaryBlog();
    const sink = new RecordingSink();
    await scrape(site, sink, { limit: 3 });
    const known = sink.progresses.filter(({ total }) => total !== null);
    expect(known.map(({ done, total }) => `${done}/${total}`)).toEqual(["0/3", "1/3", "2/3", "3/3"]);
    expect(sink.progresses.at(-1)?.counts.extracted).toBe(3);
  });

  test("skips and limits from the newest, and fetches no further page than it needs", async () => {
    await using site = await januaryBlog();
    const sink = new RecordingSink();
    const counts = await scrape(site, sink, { skip: 2, limit: 5 });
    expect(counts).toMatchObject({ found: 7, skipped: 2, extracted: 5 });
    expect(sink.titles()).toEqual(["Post 28", "Post 27", "Post 26", "Post 25", "Post 24"]);
    expect(site.asked).toEqual(["/"]);
  });

  test("takes both ends of a range of dates, counts within it, and stops at the first page that is too old", async () => {
    await using site = await januaryBlog();
    const sink = new RecordingSink();
    const counts = await scrape(site, sink, { since: "2024-01-22", until: "2024-01-25", skip: 1 });
    expect(counts).toMatchObject({ found: 4, skipped: 1, extracted: 3 });
    expect(sink.titles()).toEqual(["Post 24", "Post 23", "Post 22"]);
    expect(site.asked).toEqual(["/", "/?2"]);
  });

  test("skips more posts than there are, without harm", async () => {
    await using site = await januaryBlog();
    expect(await scrape(site, new RecordingSink(), { skip: 99, limit: 1 })).toMatchObject({
      found: 30,
      skipped: 30,
      extracted: 0,
    });
  });

  test("counts right for every skip, limit and range", async () => {
    await using site = await januaryBlog();
    const day = fc.integer({ min: 1, max: 31 });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(32),
        fc.option(fc.integer({ min: 1, max: 32 })),
        fc.option(day),
        fc.option(day),
        async (skip, limit, first, last) => {
          const iso = (n: number | null) => (n === null ? null : `2024-01-${String(n).padStart(2, "0")}`);
          const inRange = Array.from({ length: 30 }, (_, index) => 30 - index).filter(
            (n) => n >= (first ?? 0) && n <= (last ?? 99),
          );
          const expected = inRange.slice(skip, limit === null ? undefined : skip + limit);
          const sink = new RecordingSink();
          const counts = await scrape(site, sink, { skip, limit, since: iso(first), until: iso(last) });
          expect(sink.titles()).toEqual(expected.map((n) => `Post ${n}`));
          expect(counts.found).toBe(counts.skipped + counts.extracted + counts.failed);
          expect(counts.skipped).toBe(Math.min(skip, inRange.length));
          expect(sink.counts).toEqual(counts);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("leaves out posts without a date when dates are asked for, and says so", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage([bloggerPost({ title: "When?", href: "/1.html" }), ...dayPosts(2, 2)]));
    const sink = new RecordingSink();
    expect(await scrape(site, sink, { since: "2024-01-01" })).toMatchObject({ found: 1, extracted: 1 });
    expect(sink.lines).toContain("warning: Left out When?: it shows no date");
  });

  test("is not misled by an old post that is pinned to the top", async () => {
    await using site = await startSite();
    const pinned = bloggerPost({ title: "Rules", href: "/rules.html", stamp: "2001-01-01T00:00:00Z" });
    site.page("/", bloggerPage([pinned, ...dayPosts(9, 5)], "/?2"));
    site.page("/?2", bloggerPage(dayPosts(4, 1)));
    expect(await scrape(site, new RecordingSink(), { since: "2024-01-03" })).toMatchObject({ found: 7, extracted: 7 });
  });

  test("fetches the rest of a post that the list shows only in part", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage([bloggerPost({ title: "Long", more: "/long.html?m=1#more", body: "Begin" })]));
    site.page(
      "/long.html",
      bloggerPage([
        bloggerPost({
          title: "Other title",
          href: "/long.html",
          author: "June",
          date: "March 3, 2024",
          body: "Begin and end",
        }),
      ]),
    );
    const sink = new RecordingSink();
    await scrape(site, sink);
    expect([...sink.posts.values()]).toEqual([
      {
        url: `${site.origin}/long.html`,
        title: "Long",
        author: "June",
        date: "2024-03-03",
        time: null,
        text: "Begin and end",
      },
    ]);
  });

  test("logs and counts posts that cannot be read, and goes on", async () => {
    await using site = await startSite("User-agent: *\nDisallow: /members/\n");
    site.page(
      "/",
      bloggerPage([
        bloggerPost({ title: "Broken", more: "/broken.html" }),
        bloggerPost({ title: "Failing", more: "/failing.html" }),
        bloggerPost({ title: "Gone", more: "/gone.html" }),
        bloggerPost({ title: "Closed", more: "/members/1.html" }),
        bloggerPost({ title: "Elsewhere", more: "http://elsewhere.invalid/1.html" }),
        bloggerPost({ title: "Nowhere" }),
        ...dayPosts(1, 1),
      ]),
    );
    site.page("/broken.html", "<html><b:section");
    site.page("/failing.html", { status: 500 });
    const sink = new RecordingSink();
    expect(await scrape(site, sink)).toEqual({ found: 7, skipped: 0, extracted: 1, added: 1, updated: 0, failed: 6 });
    expect(sink.lines.filter((line) => line.startsWith("warning: Skipped"))).toEqual([
      'warning: Skipped "Broken": its page holds no post',
      `warning: Skipped "Failing": ${site.origin}/failing.html answered HTTP 500`,
      `warning: Skipped "Gone": ${site.origin}/gone.html answered HTTP 404`,
      `warning: Skipped "Closed": robots.txt of ${site.host} does not allow /members/1.html`,
      'warning: Skipped "Elsewhere": its page is on another site, elsewhere.invalid',
      'warning: Skipped "Nowhere": the blog\'s page gives no address for it',
    ]);
  });

  test("takes the next post for one that cannot be read when a number was asked for", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage([bloggerPost({ title: "Gone", more: "/gone.html" }), ...dayPosts(9, 9)], "/?2"));
    site.page("/?2", bloggerPage(dayPosts(8, 1)));
    const sink = new RecordingSink();
    expect(await scrape(site, sink, { limit: 2 })).toMatchObject({ found: 3, extracted: 2, failed: 1 });
    expect(sink.titles()).toEqual(["Post 9", "Post 8"]);
  });

  test.each([
    ["links back to itself", "/?2"],
    ["links back to the first page", "/"],
  ])("stops when the last page %s", async (_, older) => {
    await using site = await startSite();
    site.page("/", bloggerPage(dayPosts(4, 3), "/?2"));
    site.page("/?2", bloggerPage(dayPosts(2, 1), older));
    const sink = new RecordingSink();
    expect(await scrape(site, sink)).toMatchObject({ found: 4, extracted: 4 });
    expect(sink.lines.join("\n")).toContain("The list of posts ends here: page 2 links back");
  });

  test("stops when pages go on for ever with nothing new, or for too many pages", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage(dayPosts(1, 1), "/?2"));
    for (let n = 2; n < 50; n += 1) site.page(`/?${n}`, bloggerPage(dayPosts(1, 1), `/?${n + 1}`));
    expect(await scrape(site, new RecordingSink())).toMatchObject({ found: 1, extracted: 1 });
    expect(site.asked).toEqual(["/", "/?2", "/?3", "/?4"]);
    const sink = new RecordingSink();
    await scrape(site, sink, {}, { maxPages: 2 });
    expect(sink.lines).toContain("warning: The list of posts ends here: stopped after 2 pages");
  });

  test("does not follow older posts to another site", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage(dayPosts(1, 1), "http://elsewhere.invalid/"));
    const sink = new RecordingSink();
    expect(await scrape(site, sink)).toMatchObject({ found: 1, extracted: 1 });
    expect(sink.lines.join("\n")).toContain("names another site, http://elsewhere.invalid/");
  });

  test("reads the feed that a blog with other markup announces, along its pages", async () => {
    await using site = await startSite();
    const entry = (n: number) =>
      `<entry><link href="/${n}"/><title>Entry ${n}</title><published>2024-01-0${n}T10:00:00Z</published><content type="html">text ${n}</content></entry>`;
    site.page("/", `<link rel="alternate" type="application/atom+xml" href="/atom"><article>one</article>`);
    site.page("/atom", {
      headers: { "content-type": "application/atom+xml" },
      body: `<feed xmlns="http://www.w3.org/2005/Atom"><link rel="next" href="/atom?2"/>${entry(3)}${entry(2)}</feed>`,
    });
    site.page("/atom?2", {
      headers: { "content-type": "application/atom+xml" },
      body: `<feed xmlns="http://www.w3.org/2005/Atom">${entry(2)}${entry(1)}</feed>`,
    });
    const sink = new RecordingSink();
    expect(await scrape(site, sink, { skip: 1 })).toMatchObject({ found: 3, skipped: 1, extracted: 2 });
    expect(sink.titles()).toEqual(["Entry 2", "Entry 1"]);
  });

  test("finds a feed at a usual place, and takes a feed's own address", async () => {
    await using site = await startSite();
    site.page("/blog/", "<article>one</article>");
    site.page("/blog/rss.xml", {
      headers: { "content-type": "text/xml" },
      body: `<rss version="2.0"><channel><item><title>One</title><link>/blog/1</link></item></channel></rss>`,
    });
    expect(await scrape(site, new RecordingSink(), { blogUrl: `${site.origin}/blog/` })).toMatchObject({
      extracted: 1,
    });
    expect(await scrape(site, new RecordingSink(), { blogUrl: `${site.origin}/blog/rss.xml` })).toMatchObject({
      extracted: 1,
    });
  });

  test("keeps a feed's excerpt where the post's own page is in markup it does not know", async () => {
    await using site = await startSite();
    site.page("/", {
      headers: { "content-type": "application/atom+xml" },
      body: `<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/1"/><title>T</title><summary>Short</summary></entry></feed>`,
    });
    site.page("/1", "<article>long</article>");
    const sink = new RecordingSink();
    await scrape(site, sink);
    expect([...sink.posts.values()][0]?.text).toBe("Short");
  });

  test("finds nothing on an empty blog, and that is no error", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage([]));
    expect(await scrape(site, new RecordingSink())).toMatchObject({ found: 0, extracted: 0 });
  });

  test("fails on a page that is no blog, and on one that is not there, for good", async () => {
    await using site = await startSite();
    site.page("/", "<h1>Welcome</h1>");
    const error = await scrape(site, new RecordingSink()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BlogUnreadableError);
    expect(error).not.toBeInstanceOf(BlogUnavailableError);
    await expect(scrape(site, new RecordingSink(), { blogUrl: `${site.origin}/no` })).rejects.toThrow(
      `the blog cannot be read: ${site.origin}/no answered HTTP 404`,
    );
  });

  test("fails for now when the blog cannot be reached", async () => {
    await using site = await startSite();
    site.page("/", { status: 502 });
    await expect(scrape(site, new RecordingSink())).rejects.toBeInstanceOf(BlogUnavailableError);
  });

  test("saves what it found before a later page failed, and then fails with right counts", async () => {
    await using site = await startSite();
    site.page("/", bloggerPage(dayPosts(9, 7), "/?2"));
    site.page("/?2", { status: 500 });
    const sink = new RecordingSink();
    await expect(scrape(site, sink)).rejects.toThrow(
      `page 2 of the blog's list of posts cannot be read: ${site.origin}/?2 answered HTTP 500`,
    );
    expect(sink.titles()).toEqual(["Post 9", "Post 8", "Post 7"]);
    expect(sink.counts).toMatchObject({ found: 3, extracted: 3, failed: 0 });
  });

  test("ends with the signal's reason when it is stopped, with the counts up to there", async () => {
    await using site = await januaryBlog();
    const stop = new AbortController();
    class StoppingSink extends RecordingSink {
      override async save(post: Parameters<RecordingSink["save"]>[0]) {
        if (this.posts.size === 3) stop.abort(new Error("time is up"));
        return super.save(post);
      }
    }
    const sink = new StoppingSink();
    await expect(scrape(site, sink, {}, { signal: stop.signal })).rejects.toThrow("time is up");
    expect(sink.counts).toMatchObject({ found: 30, extracted: 4 });
    expect(sink.posts.size).toBe(4);
  });

  test("lets an error of the store end the run", async () => {
    await using site = await januaryBlog();
    const sink = new RecordingSink();
    sink.save = () => Promise.reject(new Error("disk full"));
    await expect(scrape(site, sink)).rejects.toThrow("disk full");
  });
});
