import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeWindows1252 } from "../src/sample-blog/windows-1252.js";
import { decodeDocument } from "../src/scraper/charset.js";

const TEXT = "“Käse” – 7,50 €…";

describe("decodeDocument", () => {
  test("follows the charset of the Content-Type header", () => {
    expect(decodeDocument(encodeWindows1252(TEXT), "text/html; charset=windows-1252")).toBe(TEXT);
    expect(decodeDocument(Buffer.from(TEXT), 'text/html; charset="UTF-8"')).toBe(TEXT);
  });
  test("reads iso-8859-1 as windows-1252, as browsers do", () => {
    expect(decodeDocument(encodeWindows1252(TEXT), "text/html;charset=ISO-8859-1")).toBe(TEXT);
  });
  test("follows the document's own declaration when the header has none", () => {
    const meta = `<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">${TEXT}`;
    expect(decodeDocument(encodeWindows1252(meta), "text/html")).toBe(meta);
    const xml = `<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>`;
    expect(decodeDocument(Buffer.from(xml, "latin1"), null)).toBe(xml);
  });
  test("lets a byte order mark win over everything", () => {
    expect(decodeDocument(Buffer.from(`\ufeff${TEXT}`), "text/html; charset=windows-1252")).toBe(TEXT);
    expect(decodeDocument(Buffer.from("\ufeffżurek", "utf16le"), "text/html")).toBe("żurek");
  });
  test("takes bytes without a declaration for UTF-8 if they are, else for windows-1252", () => {
    expect(decodeDocument(Buffer.from("日本"), null)).toBe("日本");
    expect(decodeDocument(encodeWindows1252(TEXT), null)).toBe(TEXT);
  });
  test("ignores a charset that does not exist", () => {
    expect(decodeDocument(Buffer.from(TEXT), "text/html; charset=klingon")).toBe(TEXT);
  });
  test("decodes other charsets", () => {
    expect(decodeDocument(Uint8Array.of(0x93, 0xfa, 0x96, 0x7b), "text/html; charset=shift_jis")).toBe("日本");
    expect(decodeDocument(Uint8Array.of(0xd0, 0xd2), "text/html; charset=koi8-r")).toBe("пр");
  });
  test("never throws, whatever the bytes and the header", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (bytes, header) => typeof decodeDocument(bytes, header) === "string"),
    );
  });
});
