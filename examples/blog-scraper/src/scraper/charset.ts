/** How far into a document a declaration of its charset is looked for. HTML standard, "prescan a byte stream": 1024. */
const PRESCAN_BYTES = 1024;

/** What a windows-1252 byte 0x80–0x9F stands for. WHATWG Encoding standard, index-windows-1252. */
const WINDOWS_1252_HIGH = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f" + "\u0090‘’“”•–—˜™š›œ\u009džŸ";

/**
 * Decodes a fetched document. The charset is, in this order: a byte order mark, the `charset` of the
 * `Content-Type` header, the document's own declaration (XML declaration or `<meta>`), UTF-8 if the bytes
 * are valid UTF-8, else windows-1252. An unknown charset name counts as none. Never throws.
 */
export function decodeDocument(bytes: Uint8Array, contentType: string | null): string {
  const label = charsetOfMark(bytes) ?? known(charsetOfHeader(contentType)) ?? known(declaredCharset(bytes));
  if (label !== undefined) return decodeAs(bytes, label);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return decodeAs(bytes, "windows-1252");
  }
}

function decodeAs(bytes: Uint8Array, label: string): string {
  const decoder = new TextDecoder(label);
  const text = decoder.decode(bytes);
  if (decoder.encoding !== "windows-1252") return text;
  // Some releases of Node 20 to 24 decode windows-1252 as if it were latin1 and leave 0x80–0x9F as control characters.
  return text.replace(/[\u0080-\u009f]/g, (control) => WINDOWS_1252_HIGH.charAt(control.charCodeAt(0) - 0x80));
}

function charsetOfMark(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return undefined;
}

function charsetOfHeader(contentType: string | null): string | undefined {
  return /;\s*charset\s*=\s*["']?([^\s;"']+)/i.exec(contentType ?? "")?.[1];
}

function declaredCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, PRESCAN_BYTES)).toString("latin1");
  const label =
    /^\s*<\?xml[^>]*\bencoding\s*=\s*["']([^"']+)["']/i.exec(head)?.[1] ??
    /<meta[^>]*\bcharset\s*=\s*["']?([^\s"'/>;]+)/i.exec(head)?.[1];
  // A document whose declaration could be read byte by byte is not UTF-16, whatever it says. HTML standard, prescan.
  return label !== undefined && /^utf-?16/i.test(label) ? "utf-8" : label;
}

function known(label: string | undefined): string | undefined {
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}
