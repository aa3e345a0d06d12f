import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { type FetcherOptions, PageFetcher, type RetryEvent } from "../src/scraper/page-fetcher.js";
import type { FetchError } from "../src/scraper/scrape-errors.js";
import { startSite } from "./support/scripted-site.js";

const QUICK: FetcherOptions = { pause: 0, retryDelay: 0.001, random: () => 0.5 };
const never = new AbortController().signal;

async function failureOf(promise: Promise<unknown>): Promise<FetchError> {
  return promise.then(
    () => expect.unreachable("the fetch succeeded"),
    (error: FetchError) => error,
  );
}

describe("PageFetcher", () => {
  test("says who it is and how to reach its owner", async () => {
    await using site = await startSite();
    site.page("/", "hello");
    const page = await new PageFetcher({ ...QUICK, contact: "mailto:me@example.org" }).fetchPage(
      `${site.origin}/`,
      never,
    );
    expect(page).toEqual({ url: `${site.origin}/`, contentType: "text/html; charset=utf-8", text: "hello" });
    expect([...site.userAgents]).toEqual(["lovage-blog-scraper/0.1 (+mailto:me@example.org)"]);
  });

  test("asks again after 5xx and cut connections, and tells why", async () => {
    await using site = await startSite();
    site.page("/", { status: 503 }, (request) => request.socket.destroy(), "at last");
    const retries: RetryEvent[] = [];
    const page = await new PageFetcher({ ...QUICK, onRetry: (event) => void retries.push(event) }).fetchPage(
      `${site.origin}/`,
      never,
    );
    expect(page.text).toBe("at last");
    expect(retries.map(({ reason, attempt, delay }) => ({ reason, attempt, delay }))).toEqual([
      { reason: `${site.origin}/ answered HTTP 503`, attempt: 1, delay: 0.001 },
      {
        reason: expect.stringContaining(`could not connect to ${site.host} (the connection was cut`),
        attempt: 2,
        delay: 0.002,
      },
    ]);
  });

  test("gives up after its attempts, with an error that may pass", async () => {
    await using site = await startSite();
    site.page("/", { status: 500 });
    const error = await failureOf(new PageFetcher({ ...QUICK, attempts: 2 }).fetchPage(`${site.origin}/`, never));
    expect(error).toMatchObject({
      failure: "http-status",
      temporary: true,
      message: `${site.origin}/ answered HTTP 500`,
    });
    expect(site.asked).toEqual(["/", "/"]);
  });

  test("does not ask again for what is not there", async () => {
    await using site = await startSite();
    const error = await failureOf(new PageFetcher(QUICK).fetchPage(`${site.origin}/gone`, never));
    expect(error).toMatchObject({ failure: "http-status", temporary: false });
    expect(site.asked).toEqual(["/gone"]);
  });

  test("waits as long as Retry-After asks, within bounds", async () => {
    await using site = await startSite();
    site.page("/", { status: 429, headers: { "retry-after": "3600" } }, "ok");
    const retries: RetryEvent[] = [];
    await new PageFetcher({ ...QUICK, maxRetryDelay: 0.01, onRetry: (event) => void retries.push(event) }).fetchPage(
      `${site.origin}/`,
      never,
    );
    expect(retries[0]?.delay).toBe(0.01);
  });

  test("does not fetch what robots.txt forbids to it", async () => {
    await using site = await startSite(
      "User-agent: *\nDisallow:\n\nUser-agent: lovage-blog-scraper\nDisallow: /private/\n",
    );
    site.page("/private/1", "secret");
    const error = await failureOf(new PageFetcher(QUICK).fetchPage(`${site.origin}/private/1`, never));
    expect(error).toMatchObject({
      failure: "robots",
      temporary: false,
      message: `robots.txt of ${site.host} does not allow /private/1`,
    });
    expect(site.asked).toEqual([]);
  });

  test("takes a robots.txt that cannot be read for a no", async () => {
    await using site = await startSite({ status: 500 });
    site.page("/", "hello");
    const error = await failureOf(new PageFetcher(QUICK).fetchPage(`${site.origin}/`, never));
    expect(error).toMatchObject({ failure: "http-status", temporary: true });
    expect(error.message).toContain("robots.txt");
    expect(site.asked).toEqual([]);
  });

  test("keeps the pace robots.txt asks for", async () => {
    await using site = await startSite("User-agent: *\nCrawl-delay: 0.05\n");
    const times: number[] = [];
    site.page("/", (_, response) => {
      times.push(performance.now());
      response.end("ok");
    });
    const fetcher = new PageFetcher(QUICK);
    for (let n = 0; n < 3; n += 1) await fetcher.fetchPage(`${site.origin}/`, never);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    // Timers may fire a millisecond early, and what is measured is the arrival.
    for (const gap of gaps) expect(gap).toBeGreaterThan(40);
  });

  test("follows redirects and says where it ended", async () => {
    await using site = await startSite();
    site.page("/", { status: 301, headers: { location: "blog/" } });
    site.page("/blog/", { status: 302, headers: { location: `${site.origin}/blog/home` } });
    site.page("/blog/home", "home");
    expect(await new PageFetcher(QUICK).fetchPage(`${site.origin}/`, never)).toMatchObject({
      url: `${site.origin}/blog/home`,
      text: "home",
    });
  });

  test("stops at a redirect that goes round in circles, or off the web", async () => {
    await using site = await startSite();
    site.page("/", { status: 302, headers: { location: "/" } });
    site.page("/file", { status: 302, headers: { location: "file:///etc/passwd" } });
    const fetcher = new PageFetcher(QUICK);
    expect(await failureOf(fetcher.fetchPage(`${site.origin}/`, never))).toMatchObject({
      failure: "redirects",
      temporary: false,
    });
    expect(await failureOf(fetcher.fetchPage(`${site.origin}/file`, never))).toMatchObject({ failure: "bad-address" });
  });

  test("stops reading an endless page at its limit", async () => {
    await using site = await startSite();
    let timer: NodeJS.Timeout | undefined;
    site.page("/", (_, response) => {
      timer = setInterval(() => response.write("x".repeat(10_000)), 1);
      response.on("close", () => clearInterval(timer));
    });
    const error = await failureOf(
      new PageFetcher({ ...QUICK, maxSizeBytes: 50_000 }).fetchPage(`${site.origin}/`, never),
    );
    expect(error).toMatchObject({ failure: "too-large", temporary: false });
  });

  test("does not wait for a server that never finishes", async () => {
    await using site = await startSite();
    site.page("/", (_, response) => void response.write("and then"));
    const error = await failureOf(
      new PageFetcher({ ...QUICK, timeout: 0.05, attempts: 1 }).fetchPage(`${site.origin}/`, never),
    );
    expect(error).toMatchObject({
      failure: "timeout",
      temporary: true,
      message: `${site.origin}/ did not answer within 0.05 s`,
    });
  });

  test("refuses what is no page", async () => {
    await using site = await startSite();
    site.page("/", { headers: { "content-type": "image/png" }, body: "PNG" });
    expect(await failureOf(new PageFetcher(QUICK).fetchPage(`${site.origin}/`, never))).toMatchObject({
      failure: "not-text",
    });
  });

  test.each([
    "",
    "not an address",
    "ftp://example.org/",
    "javascript:alert(1)",
    "http://user:secret@example.org/",
    "http://127.0.0.1:1/",
  ])("refuses the address %j", async (address) => {
    const error = await failureOf(new PageFetcher(QUICK).fetchPage(address, never));
    expect(error).toMatchObject({ failure: "bad-address", temporary: false });
    expect(error.message).not.toContain("secret");
  });

  test("says that nobody listens, in words", async () => {
    const port = await freePort();
    const error = await failureOf(
      new PageFetcher({ ...QUICK, attempts: 1 }).fetchPage(`http://127.0.0.1:${port}/`, never),
    );
    expect(error).toMatchObject({
      failure: "unreachable",
      temporary: true,
      message: `could not connect to 127.0.0.1:${port} (connection refused, ECONNREFUSED)`,
    });
  });

  test("ends with the signal's reason, while waiting for an answer and while waiting to ask again", async () => {
    await using site = await startSite();
    const during = new AbortController();
    site.page("/hang", () => during.abort(new Error("enough")));
    await expect(new PageFetcher(QUICK).fetchPage(`${site.origin}/hang`, during.signal)).rejects.toThrow("enough");

    const between = new AbortController();
    site.page("/", { status: 503 });
    const fetcher = new PageFetcher({
      ...QUICK,
      retryDelay: 60,
      maxRetryDelay: 60,
      onRetry: () => between.abort(new Error("enough")),
    });
    await expect(fetcher.fetchPage(`${site.origin}/`, between.signal)).rejects.toThrow("enough");
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
