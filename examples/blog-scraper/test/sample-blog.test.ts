import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { POSTS_PER_PAGE, SampleBlogServer } from "../src/sample-blog/sample-blog-server.js";
import { SAMPLE_POSTS } from "../src/sample-blog/sample-posts.js";
import { PageFetcher } from "../src/scraper/page-fetcher.js";
import { scrapeBlog } from "../src/scraper/scrape-blog.js";
import { RecordingSink } from "./support/recording-sink.js";

const server = new SampleBlogServer();
let blogUrl = "";
beforeAll(async () => {
  blogUrl = await server.start();
});
afterAll(() => server.stop());

const request = { since: null, until: null, skip: 0, limit: null };
const scrape = async (url: string) => {
  const sink = new RecordingSink();
  const fetcher = new PageFetcher({ retryDelay: 0.001, maxPause: 0 });
  const counts = await scrapeBlog(
    { ...request, blogUrl: url },
    { fetcher, sink, signal: new AbortController().signal },
  );
  return { counts, sink, posts: [...sink.posts.values()] };
};

describe("the sample blog", () => {
  test("has enough posts, on several pages, each with its own address", () => {
    expect(SAMPLE_POSTS.length).toBeGreaterThanOrEqual(40);
    expect(SAMPLE_POSTS.length / POSTS_PER_PAGE).toBeGreaterThan(5);
    expect(new Set(SAMPLE_POSTS.map(({ slug }) => slug)).size).toBe(SAMPLE_POSTS.length);
    const dates = SAMPLE_POSTS.flatMap(({ at }) => (at === null ? [] : [at]));
    expect(dates).toEqual([...dates].sort().reverse());
  });

  test("is read whole, apart from the posts that cannot be", async () => {
    const { counts, posts } = await scrape(blogUrl);
    const unreadable = SAMPLE_POSTS.filter(({ ownPage }) => ownPage !== undefined);
    expect(counts).toMatchObject({
      found: SAMPLE_POSTS.length,
      failed: unreadable.length,
      extracted: SAMPLE_POSTS.length - unreadable.length,
    });
    const readable = SAMPLE_POSTS.filter(({ ownPage }) => ownPage === undefined);
    expect(posts.map(({ title, author, date, time, text }) => ({ title, author, date, time, text }))).toEqual(
      readable.map(({ title, author, at, paragraphs }) => ({
        title,
        author,
        date: at?.slice(0, 10) ?? null,
        time: at?.slice(11) ?? null,
        text: paragraphs.join("\n\n"),
      })),
    );
    expect(posts.every(({ url }) => url.startsWith(blogUrl) && !url.includes("m=1"))).toBe(true);
  });

  test("stutters once in each run and says what it keeps closed", async () => {
    const { sink } = await scrape(blogUrl);
    expect(sink.lines.filter((line) => line.includes("robots.txt"))).toHaveLength(1);
    const first = await fetch(`${blogUrl}search?page=5`);
    const second = await fetch(`${blogUrl}search?page=5`);
    expect([first.status, second.status].sort()).toEqual([200, 503]);
  });

  test("has a second blog that only its feed can be read of", async () => {
    const { counts, posts } = await scrape(`${blogUrl}weather/`);
    expect(counts).toMatchObject({ found: 6, extracted: 6, failed: 0 });
    expect(posts[0]).toEqual({
      url: `${blogUrl}weather/rain-gauge`,
      title: "The rain gauge & I",
      author: "Ane Brekke",
      date: "2024-09-30",
      time: "07:15",
      text: "Eleven millimetres. I empty it, and it looks at me as if I had lost something.",
    });
  });

  test("takes another port when its own is taken, and can be stopped twice", async () => {
    const other = new SampleBlogServer();
    const address = await other.start(Number(new URL(blogUrl).port));
    expect(address).not.toBe(blogUrl);
    await other.stop();
    await other.stop();
  });
});
