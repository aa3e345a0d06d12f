/**
 * Whether the whole of `text` fits `pattern`, in which `*` stands for any text and `?` for one character. Takes time at most in
 * proportion to the product of their lengths; a regular expression of many stars would take for ever.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let inText = 0;
  /** Where the last star is, and how far the text it stands for goes so far. */
  let star = -1;
  let starEnd = 0;
  while (inText < text.length) {
    if (pattern[at] === "*") {
      star = at++;
      starEnd = inText;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[inText])) {
      at++;
      inText++;
    } else if (star >= 0) {
      // What followed the star did not fit here: the star takes one character more.
      at = star + 1;
      inText = ++starEnd;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
