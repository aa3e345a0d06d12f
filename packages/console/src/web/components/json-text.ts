/** An integer beyond 2^53, as the API sends it. */
export function isBigint(value: unknown): value is { readonly $bigint: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).length === 1 &&
    "$bigint" in value &&
    typeof value.$bigint === "string" &&
    /^-?\d+$/.test(value.$bigint)
  );
}

/** JSON for people, two blanks an indent, integers beyond 2^53 with all their digits. */
export function jsonText(value: unknown): string {
  const numbers: string[] = [];
  // Nobody who wrote the value could know it: a text in there is never taken for a number's place.
  const mark = `big:${Math.random().toString(36).slice(2)}:`;
  const text = JSON.stringify(
    value,
    (_key, each: unknown) => {
      if (!isBigint(each)) return each;
      numbers.push(each.$bigint);
      return `${mark}${numbers.length - 1}`;
    },
    2,
  );
  if (numbers.length === 0) return text ?? "undefined";
  return text.replace(new RegExp(`"${mark}(\\d+)"`, "g"), (whole, place: string) => numbers[Number(place)] ?? whole);
}

/**
 * JSON as people write it, with integers beyond 2^53 as the API takes them (`{"$bigint": "123…"}`): a value that is shown in an editor
 * and sent again keeps all its digits. Throws a `SyntaxError` for text that is no JSON.
 */
export function parseJsonText(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Strings are stepped over whole, so that digits in them stay what they are.
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `{"$bigint":"${token}"}` : token,
  );
  return exact === text ? value : JSON.parse(exact);
}

/** `812 B`, `4.2 KiB`, `1.3 MiB` */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}
