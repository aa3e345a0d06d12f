import { createHash } from "node:crypto";

/** What an error is known by: two failures with the same fingerprint are of one group. */
export interface ErrorFingerprint {
  /** 16 hexadecimal digits. */
  readonly fingerprint: string;
  /** As in `ValueError`; with its module where the text has it. */
  readonly class: string;
  /** With ids, numbers and quoted text stripped: `no user <n> in '…'`. */
  readonly message: string;
}

/** Characters of a message that are looked at, and that are kept. */
const LOOKED_AT = 2000;
const KEPT = 300;

/** The group of an error as events and results write it, `ValueError('no user 12')` or `ValueError: no user 12`, in a task. */
export function errorFingerprint(task: string | null, error: string): ErrorFingerprint {
  const { class: name, message } = errorParts(error);
  const stripped = stripped300(message);
  const fingerprint = createHash("sha1")
    .update(`${task ?? ""}\n${name}\n${stripped}`)
    .digest("hex")
    .slice(0, 16);
  return { fingerprint, class: name, message: stripped };
}

const CALL = /^([A-Za-z_$][\w$.]{0,200})\(/;
const LINE = /^([A-Za-z_$][\w$.]{0,200}): /;

/** Class and message of an error's text. A text that is neither `Class(…)` nor `Class: …` is all message, of class `Error`. */
export function errorParts(error: string): { readonly class: string; readonly message: string } {
  const text = error.slice(0, LOOKED_AT).trim();
  const call = CALL.exec(text);
  if (call?.[1] !== undefined) {
    const inner = text.slice(call[0].length).replace(/,?\)$/, "");
    return { class: call[1], message: firstQuoted(inner) ?? inner };
  }
  const line = LINE.exec(text);
  if (line?.[1] !== undefined) return { class: line[1], message: text.slice(line[0].length) };
  return { class: "Error", message: text };
}

/** The first argument's text, when that is a quoted one: `'no'` of `'no', 3`. */
function firstQuoted(inner: string): string | undefined {
  const quote = inner[0];
  if (quote !== "'" && quote !== '"') return undefined;
  let text = "";
  for (let at = 1; at < inner.length; at += 1) {
    const char = inner[at];
    if (char === quote) return text;
    if (char === "\\") {
      at += 1;
      text += inner[at] === "n" ? " " : (inner[at] ?? "");
    } else text += char;
  }
  // Cut off before its end.
  return text;
}

/** In order: what is quoted may hold ids, ids may hold numbers. All are linear in the text. */
const STRIPS: readonly (readonly [RegExp, string])[] = [
  [/"[^"]*"|(?<![A-Za-z])'[^']*'(?![A-Za-z])|`[^`]*`|“[^”]*”|«[^»]*»/g, "'…'"],
  [/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, "<id>"],
  [/\b0x[0-9a-f]+\b/gi, "<id>"],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, "<id>"],
  [/\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}\b/g, "<id>"],
  [/\d+(?:[.,:]\d+)*/g, "<n>"],
  [/\s+/g, " "],
];

function stripped300(message: string): string {
  let text = message;
  for (const [pattern, replacement] of STRIPS) text = text.replace(pattern, replacement);
  return text.trim().slice(0, KEPT);
}
