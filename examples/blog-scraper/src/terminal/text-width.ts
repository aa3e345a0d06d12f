const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
/** East Asian wide and fullwidth blocks, and emoji: two columns on a terminal. Unicode TR 11, main blocks only. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u;

/** How many columns a text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) width += segmentWidth(segment);
  return width;
}

/** Cuts a text to so many columns, with "…" where something is missing, and fills it up with spaces. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text + " ".repeat(width - textWidth(text));
  let cut = "";
  let used = 0;
  for (const { segment } of SEGMENTER.segment(text)) {
    if (used + segmentWidth(segment) > width - 1) break;
    cut += segment;
    used += segmentWidth(segment);
  }
  return `${cut}…${" ".repeat(Math.max(0, width - used - 1))}`;
}

/** A text from elsewhere without what a terminal would obey: control characters and changes of writing direction. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}

function segmentWidth(segment: string): number {
  return WIDE.test(segment) ? 2 : 1;
}
