/** The code points of bytes 0x80–0x9F. WHATWG Encoding standard, index-windows-1252. */
const HIGH = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/** Encodes a page as windows-1252; what that lacks becomes a character reference, as blog software does it. */
export function encodeWindows1252(html: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of html) {
    const code = character.codePointAt(0) ?? 0;
    const high = HIGH.indexOf(character);
    if (high >= 0) bytes.push(0x80 + high);
    else if (code < 0x80 || (code >= 0xa0 && code <= 0xff)) bytes.push(code);
    else bytes.push(...Buffer.from(`&#${code};`, "latin1"));
  }
  return Uint8Array.from(bytes);
}
