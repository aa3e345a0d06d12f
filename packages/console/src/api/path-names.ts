/**
 * How names stand in paths: of pages, of links and of the API alike. Server and pages share this file, and nothing else encodes a name.
 *
 * A name is percent-encoded, so that one like `celery@a/b` stays one segment. That is not enough for all of them: browsers and proxies
 * take `.` and `..` out of a path, encoded or not (WHATWG URL, "double-dot URL path segment"), an empty name is no segment, and a task
 * may have the id `errors`, which is a page. Such a name stands behind a `~`; so does one that begins with `~` itself.
 */
const MARK = "~";

/** Segments that pages or the API have for themselves where a name may stand. A test compares them with both. */
const TAKEN: ReadonlySet<string> = new Set(["errors", "export", "new", "send", "stop-all"]);

/** Names that browsers and proxies would resolve, or that are no segment at all. */
const DOTS = /^\.*$/;
/** Half a character: there is no UTF-8 of it. No name in a store has one, but a text that somebody typed may. */
const HALF_CHARACTER = /\p{Surrogate}/gu;

/** The segment for a name: `celery@a/b` is `celery%40a%2Fb`, `..` is `~..`. */
export function nameInPath(name: string): string {
  const text = encodeURIComponent(name.replace(HALF_CHARACTER, "\ufffd"));
  return DOTS.test(name) || name.startsWith(MARK) || TAKEN.has(name) ? MARK + text : text;
}

/** The name of a segment that was percent-decoded: the reverse of `nameInPath`. */
export function nameOfSegment(segment: string): string {
  return segment.startsWith(MARK) ? segment.slice(MARK.length) : segment;
}
