/** A post in Blogger's markup, with only the parts a test names. */
export function bloggerPost(post: {
  title?: string;
  href?: string;
  date?: string;
  stamp?: string;
  author?: string;
  body?: string;
  more?: string;
}): string {
  return `<div class="date-outer">${post.date === undefined ? "" : `<h2 class="date-header"><span>${post.date}</span></h2>`}
<div class="post">${post.title === undefined ? "" : `<h3 class="post-title">${post.title}</h3>`}
<div class="post-body">${post.body ?? "text"}</div>
${post.more === undefined ? "" : `<div class="jump-link"><a href="${post.more}">Read more</a></div>`}
<div class="post-footer">${post.author === undefined ? "" : `<span class="post-author">Posted by <span class="fn">${post.author}</span></span>`}
${post.href === undefined ? "" : `<a class="timestamp-link" href="${post.href}">${post.stamp === undefined ? "" : `<abbr class="published" title="${post.stamp}">8:15 AM</abbr>`}</a>`}</div></div></div>`;
}

/** A page of posts, with an "older posts" link if there is one. */
export function bloggerPage(posts: readonly string[], older?: string): string {
  return `<!doctype html><html><body><div class="blog-posts">${posts.join("\n")}</div>
${older === undefined ? "" : `<a class="blog-pager-older-link" href="${older}">Older Posts</a>`}</body></html>`;
}

/** Dated posts `first` to `last`; post n is from day n of January 2024. */
export function dayPosts(first: number, last: number): string[] {
  const days = Array.from({ length: Math.abs(last - first) + 1 }, (_, index) =>
    first > last ? first - index : first + index,
  );
  return days.map((n) =>
    bloggerPost({ title: `Post ${n}`, href: `/p/${n}.html`, stamp: `2024-01-${String(n).padStart(2, "0")}T08:15:00Z` }),
  );
}
