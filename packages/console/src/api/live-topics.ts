/**
 * How topics stand in `GET /api/v1/events?topics=…`: between commas, each with what would be read as something else percent-encoded:
 * per cents, commas, blanks and control characters. Ordinary ids stay as they are. Server and pages share this file.
 */
const AWKWARD = /[%,\s\p{Cc}\p{Surrogate}]/gu;

/** `["stats", "task:a,b"]` as `stats,task:a%2Cb`. */
export function topicsText(topics: readonly string[]): string {
  return topics.map((topic) => topic.replace(AWKWARD, encodeAwkward)).join(",");
}

/** The topics of a text, each once; undefined in place of one whose per cents encode nothing. */
export function topicsOfText(text: string): readonly (string | undefined)[] {
  return [...new Set(text.split(",").map((topic) => decodeTopic(topic.trim())))];
}

function encodeAwkward(character: string): string {
  // Half a character has no encoding; nothing the server tells of has one in its id.
  return encodeURIComponent(/\p{Surrogate}/u.test(character) ? "\ufffd" : character);
}

function decodeTopic(topic: string): string | undefined {
  try {
    return decodeURIComponent(topic);
  } catch {
    return undefined;
  }
}
