import { escapeHtml } from "./blogger-pages.js";

interface Entry {
  readonly slug: string;
  readonly title: string;
  readonly author: string;
  /** ISO 8601 with zone */
  readonly published: string;
  readonly html: string;
}

/** A second small blog, in markup of its own, so that only its feed can be read. Newest first. */
const ENTRIES: readonly Entry[] = [
  {
    slug: "rain-gauge",
    title: "The rain gauge & I",
    author: "Ane Brekke",
    published: "2024-09-30T07:15:00+02:00",
    html: "<p>Eleven millimetres. I <em>empty</em> it, and it looks at me as if I had <b>lost</b> something.</p>",
  },
  {
    slug: "fog",
    title: "Fog",
    author: "Ane Brekke",
    published: "2024-09-12T06:40:00+02:00",
    html: "<p>Could not see the gate.</p><p>Could hear it.</p>",
  },
  {
    slug: "thunder",
    title: "Counting thunder",
    author: "Ola Vik",
    published: "2024-08-02T22:05:00+02:00",
    html: "<p>Three seconds to the kilometre, <a href='https://example.com/'>they say</a>.</p>",
  },
  {
    slug: "wind",
    title: "A week of wind",
    author: "Ane Brekke",
    published: "2024-07-19T12:00:00+02:00",
    html: "<p>The washing went to the neighbours&#8217; and came back ironed.</p>",
  },
  {
    slug: "hail",
    title: "Hail, twice",
    author: "Ola Vik",
    published: "2024-06-08T15:30:00+02:00",
    html: "<p>Peas, then cherries.<br/>The greenhouse has opinions about cherries.</p>",
  },
  {
    slug: "station",
    title: "Why we have a weather station",
    author: "Ane Brekke",
    published: "2024-05-01T09:00:00+02:00",
    html: "<p>Because we argued.</p>",
  },
];

const ENTRIES_PER_PAGE = 4;
/** How many pages {@link atomFeed} has. */
export const FEED_PAGES = Math.ceil(ENTRIES.length / ENTRIES_PER_PAGE);

/** The front page of the weather blog: no Blogger markup, but a link to the feed. */
export function atomBlogHome(): string {
  const articles = ENTRIES.map(
    (entry) => `<article><h2><a href="/weather/${entry.slug}">${escapeHtml(entry.title)}</a></h2></article>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Weather at Number Nine</title>
<link rel="alternate" type="application/atom+xml" href="feed.xml"></head><body><main>${articles.join("\n")}</main></body></html>`;
}

/** One page of its Atom feed, from 1; the `next` link leads to older entries. */
export function atomFeed(page: number, origin: string): string {
  const entries = ENTRIES.slice((page - 1) * ENTRIES_PER_PAGE, page * ENTRIES_PER_PAGE).map((entry) =>
    atomEntry(entry, origin),
  );
  const next = page < FEED_PAGES ? `<link rel="next" href="${origin}/weather/feed.xml?page=${page + 1}"/>` : "";
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Weather at Number Nine</title><id>${origin}/weather/</id>
<updated>2024-09-30T07:15:00+02:00</updated><link rel="self" href="${origin}/weather/feed.xml"/>${next}
${entries.join("\n")}
</feed>`;
}

function atomEntry(entry: Entry, origin: string): string {
  const url = `${origin}/weather/${entry.slug}`;
  return `<entry><id>${url}</id><link rel="alternate" href="${url}"/><title>${escapeHtml(entry.title)}</title>
<published>${entry.published}</published><updated>${entry.published}</updated><author><name>${escapeHtml(entry.author)}</name></author>
<content type="html">${escapeHtml(entry.html)}</content></entry>`;
}
