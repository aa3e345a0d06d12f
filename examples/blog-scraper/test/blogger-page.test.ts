import { describe, expect, test } from "vitest";
import { announcedFeeds, readBloggerPage } from "../src/scraper/blogger-page.js";
import { bloggerPage, bloggerPost } from "./support/blogger-markup.js";

const URL_OF_PAGE = "https://garden.example/search?page=2";
const read = (html: string) => readBloggerPage(html, URL_OF_PAGE);
const readOne = (post: Parameters<typeof bloggerPost>[0]) => read(bloggerPage([bloggerPost(post)]))?.posts[0];

describe("readBloggerPage", () => {
  test("reads title, author, date, time, address and text", () => {
    const post = readOne({
      title: " A  <b>label</b> ",
      href: "https://garden.example/1.html",
      date: "Sunday, March 3, 2024",
      stamp: "2024-03-03T20:15:00+01:00",
      author: "Iwo Zabłocki",
      body: "<p>One</p><p>Two<br>Three</p><script>no()</script>",
    });
    expect(post).toEqual({
      url: "https://garden.example/1.html",
      title: "A label",
      author: "Iwo Zabłocki",
      date: "2024-03-03",
      time: "20:15",
      text: "One\n\nTwo\nThree",
      truncated: false,
    });
  });
  test("manages without title, author, date, time and address", () => {
    expect(readOne({ body: "alone" })).toEqual({
      url: null,
      title: null,
      author: null,
      date: null,
      time: null,
      text: "alone",
      truncated: false,
    });
  });
  test("takes the day from the date header, and the time from the text, when there is no timestamp", () => {
    const post = `<div class="date-outer"><h2 class="date-header">Sunday, March 3, 2024</h2>
      <div class="post"><div class="post-body">a</div><div class="post-footer"><span class="post-timestamp"><abbr>8:15 PM</abbr></span></div></div>
      <div class="post"><div class="post-body">b</div></div></div>`;
    expect(read(bloggerPage([post]))?.posts.map(({ date, time }) => [date, time])).toEqual([
      ["2024-03-03", "20:15"],
      ["2024-03-03", null],
    ]);
  });
  test("takes the day from the header before the post in old templates", () => {
    const html = `<div class="blog-posts"><h2 class="date-header">March 4, 2024</h2><div class="post"><div class="post-body">a</div></div>
      <h2 class="date-header">March 3, 2024</h2><div class="post"><div class="post-body">b</div></div></div>`;
    expect(read(html)?.posts.map(({ date }) => date)).toEqual(["2024-03-04", "2024-03-03"]);
  });
  test("resolves relative links against the page, or its base", () => {
    expect(readOne({ href: "/2024/1.html" })?.url).toBe("https://garden.example/2024/1.html");
    const withBase = bloggerPage([bloggerPost({ href: "1.html" })], "older.html").replace(
      "<body>",
      '<head><base href="/blog/"></head><body>',
    );
    expect(read(withBase)?.posts[0]?.url).toBe("https://garden.example/blog/1.html");
    expect(read(withBase)?.olderUrl).toBe("https://garden.example/blog/older.html");
  });
  test("makes the addresses of one post equal", () => {
    const addresses = [
      "/1.html",
      "/1.html?m=1",
      "/1.html#more",
      "/1.html?showComment=17",
      "//garden.example:443/1.html?utm_source=x",
    ];
    expect(new Set(addresses.map((href) => readOne({ href })?.url))).toEqual(
      new Set(["https://garden.example/1.html"]),
    );
  });
  test("takes no address that is not of the web", () => {
    expect(readOne({ href: "javascript:alert(1)" })?.url).toBeNull();
    expect(readOne({ href: "http://[broken" })?.url).toBeNull();
  });
  test("sees that the list shows only the beginning of a post", () => {
    const post = readOne({ more: "/1.html#more", body: "Beginning" });
    expect(post).toMatchObject({ truncated: true, url: "https://garden.example/1.html", text: "Beginning" });
  });
  test("drops the words before an author's name", () => {
    const html = bloggerPage([
      `<div class="post"><div class="post-body"></div><span class="post-author">Posted by  June </span></div>`,
    ]);
    expect(read(html)?.posts[0]?.author).toBe("June");
  });
  test("finds the link to older posts, if there is one", () => {
    expect(read(bloggerPage([bloggerPost({})], "/search?page=3"))?.olderUrl).toBe(
      "https://garden.example/search?page=3",
    );
    expect(read(bloggerPage([bloggerPost({})]))?.olderUrl).toBeNull();
  });
  test("tells an empty Blogger page from a page that is none", () => {
    expect(read(bloggerPage([]))).toEqual({ posts: [], olderUrl: null });
    expect(read(`<div class="post"><h2>Another kind of blog</h2></div>`)).toBeUndefined();
    expect(read("")).toBeUndefined();
  });
  test("reads pages with unclosed and wrongly nested tags", () => {
    const html = `<div class=blog-posts><div class=post><h3 class=post-title>A <i>b<div class=post-body><p>c<p>d<td>e</div><div class=post><div class=post-body>f`;
    expect(read(html)?.posts.at(-1)?.text).toContain("f");
  });
});

describe("announcedFeeds", () => {
  test("lists Atom before RSS, with absolute addresses", () => {
    const html = `<link rel="alternate" type="application/rss+xml" href="/rss"><link rel="alternate" type="application/atom+xml" href="feed.xml"><link rel="alternate" hreflang="de" href="/de">`;
    expect(announcedFeeds(html, "https://a.example/blog/")).toEqual([
      "https://a.example/blog/feed.xml",
      "https://a.example/rss",
    ]);
  });
});
