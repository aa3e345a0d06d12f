/** Control characters but for tabs and line ends. */
const STEERING = /[^\P{Cc}\t\n]/gu;

/** The text with control characters written out (`\u001b`), so that what others sent cannot steer the terminal. */
export function printable(text: string): string {
  return text.replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
