/** A key of the search language and what may stand behind it. */
export interface SearchKey {
  /** Without the colon: "state". */
  readonly key: string;
  readonly hint?: string;
  /** Known values; they are completed in quotes where they need them. */
  readonly values?: readonly string[];
}

export interface Completion {
  readonly options: readonly { readonly value: string; readonly hint?: string | undefined }[];
  /** The text with the option in place of the word at the caret. */
  readonly replace: (option: string) => { readonly text: string; readonly caret: number };
}

const MOST = 12;

/** What the word at the caret can become: a key, or a value of its key. */
export function complete(text: string, caret: number, keys: readonly SearchKey[]): Completion {
  const start = wordStart(text, caret);
  const end = wordEnd(text, caret);
  const word = text.slice(start, caret);
  const prefix = /^[-(]*/.exec(word)?.[0] ?? "";
  const bare = word.slice(prefix.length);
  const colon = bare.indexOf(":");
  const replace = (option: string) => {
    const put = prefix + option + (option.endsWith(":") ? "" : " ");
    return { text: text.slice(0, start) + put + text.slice(end).trimStart(), caret: start + put.length };
  };
  if (colon < 0) {
    const options = keys
      .filter((each) => each.key.startsWith(bare.toLowerCase()))
      .map((each) => ({ value: `${each.key}:`, hint: each.hint }));
    return { options: options.slice(0, MOST), replace };
  }
  const key = bare.slice(0, colon).toLowerCase();
  const typed = bare
    .slice(colon + 1)
    .replace(/^"/, "")
    .toLowerCase();
  const values = keys.find((each) => each.key === key)?.values ?? [];
  const options = values
    .filter((value) => value.toLowerCase().includes(typed) && value.toLowerCase() !== typed)
    .map((value) => ({ value: `${key}:${quoted(value)}` }));
  return { options: options.slice(0, MOST), replace };
}

/** Words end at blanks outside of quotes. */
function wordStart(text: string, caret: number): number {
  let start = 0;
  let inQuotes = false;
  for (let at = 0; at < caret; at++) {
    if (text[at] === '"') inQuotes = !inQuotes;
    else if (text[at] === " " && !inQuotes) start = at + 1;
  }
  return start;
}

function wordEnd(text: string, caret: number): number {
  const blank = text.indexOf(" ", caret);
  return blank < 0 ? text.length : blank;
}

/** A value of the search language, in quotes where it needs them. */
export function quoted(value: string): string {
  return /[\s()":]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value;
}
