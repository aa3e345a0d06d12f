import { describe, expect, test } from "vitest";
import { readFeed } from "../src/scraper/feed.js";

const URL_OF_FEED = "https://w.example/blog/feed.xml";

describe("readFeed", () => {
  test("reads Atom entries, escaped and plain, and the next page", () => {
    const page = readFeed(
      `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><link rel="self" href="feed.xml"/><link rel="next" href="?page=2"/>
       <entry><title type="html">Fish &amp;amp; &lt;b&gt;chips&lt;/b&gt;</title><link rel="edit" href="/no"/><link href="/1"/><author><name>Ane</name></author>
         <published>2024-03-03T08:15:00+01:00</published><content type="html">&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;</content></entry>
       <entry><title>Plain &lt;3</title><link rel="alternate" href="2"/><updated>2024-02-01T00:00:00Z</updated><summary>Short &lt;3</summary></entry>
       <entry><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>X</p></div></content></entry></feed>`,
      URL_OF_FEED,
    );
    expect(page?.olderUrl).toBe("https://w.example/blog/feed.xml?page=2");
    expect(page?.posts).toEqual([
      {
        url: "https://w.example/1",
        title: "Fish & chips",
        author: "Ane",
        date: "2024-03-03",
        time: "08:15",
        text: "One\n\nTwo",
        truncated: false,
      },
      {
        url: "https://w.example/blog/2",
        title: "Plain <3",
        author: null,
        date: "2024-02-01",
        time: "00:00",
        text: "Short <3",
        truncated: true,
      },
      { url: null, title: null, author: null, date: null, time: null, text: "X", truncated: false },
    ]);
  });
  test("reads RSS items with full content, creator and CDATA", () => {
    const page = readFeed(
      `<rss version="2.0" xmlns:content="c" xmlns:dc="d" xmlns:atom="a"><channel><title>t</title><atom:link rel="next" href="/feed?paged=2"/>
       <item><title>One</title><link>https://w.example/1</link><dc:creator><![CDATA[Ola]]></dc:creator><pubDate>Sun, 03 Mar 2024 08:15:00 +0100</pubDate>
         <description>short</description><content:encoded><![CDATA[<p>Long <b>text</b></p>]]></content:encoded></item>
       <item><guid isPermaLink="true">https://w.example/2</guid><description>&lt;p&gt;Two&lt;/p&gt;</description></item>
       <item><guid isPermaLink="false">tag:2</guid></item></channel></rss>`,
      URL_OF_FEED,
    );
    expect(page?.olderUrl).toBe("https://w.example/feed?paged=2");
    expect(page?.posts).toEqual([
      {
        url: "https://w.example/1",
        title: "One",
        author: "Ola",
        date: "2024-03-03",
        time: "08:15",
        text: "Long text",
        truncated: false,
      },
      { url: "https://w.example/2", title: null, author: null, date: null, time: null, text: "Two", truncated: false },
      { url: null, title: null, author: null, date: null, time: null, text: "", truncated: false },
    ]);
  });
  test("says that a page or broken XML is no feed", () => {
    expect(readFeed("<!doctype html><html><body>feed</body></html>", URL_OF_FEED)).toBeUndefined();
    expect(readFeed("", URL_OF_FEED)).toBeUndefined();
  });
});
