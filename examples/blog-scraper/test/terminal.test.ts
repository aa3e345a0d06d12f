import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRunView, type Terminal } from "../src/terminal/run-view.js";
import { formatTable } from "../src/terminal/table.js";
import { fitText, printable, textWidth } from "../src/terminal/text-width.js";

const AT = new Date("2024-05-05T12:00:00Z");
const RUN = { done: 5, total: 10, message: "A post" };

class Recording implements Terminal {
  text = "";
  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {}
  write(text: string): void {
    this.text += text;
  }
}

describe("text on a terminal", () => {
  test("knows how wide a text is", () => {
    expect([textWidth("café"), textWidth("日本"), textWidth("🌿"), textWidth("e\u0301")]).toEqual([4, 4, 2, 1]);
  });
  test("fits any text into exactly the width asked for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(textWidth(fitText(printable(text), width))).toBe(width);
      }),
    );
  });
  test("takes out what a terminal would obey", () => {
    expect(printable("a\u001b[2Jb\r\nc\u202ed\u0007")).toBe("a [2Jb c d");
  });
});

describe("formatTable", () => {
  test("lays out columns under their titles", () => {
    expect(
      formatTable(
        [{ title: "Date" }, { title: "Title" }],
        [
          ["2024", "One"],
          ["n", "日本 x"],
        ],
        80,
      ),
    ).toEqual(["Date  Title", "────  ──────", "2024  One", "n     日本 x"]);
  });
  test("shrinks the widest column that may, and stays within the width", () => {
    const rows = [["2024-01-01", "A title that is rather long for this", "June Okafor"]];
    const lines = formatTable(
      [{ title: "Date" }, { title: "Title", least: 6 }, { title: "Author", least: 5 }],
      rows,
      36,
    );
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(36);
    expect(lines[2]).toBe("2024-01-01  A title th…  June Okafor");
  });
  test("breaks no line and obeys no code in a cell", () => {
    expect(formatTable([{ title: "T" }], [["a\nb\u001b[31m"]], 80)[2]).toBe("a b [31m");
  });
});

describe("the view of a run", () => {
  test("draws a bar below the log on a terminal, within its width, and removes it", () => {
    const terminal = new Recording(true, 50);
    const view = createRunView(terminal);
    view.progress(RUN);
    const bar = stripVTControlCharacters(terminal.text);
    expect(bar).toMatch(/^█+░+ 5\/10 50% A post/);
    expect(textWidth(bar)).toBeLessThan(50);
    view.log({ at: AT, level: "warning", message: "look\u001b[2J" });
    expect(stripVTControlCharacters(terminal.text)).toContain("warn  look [2J\n█");
    view.end();
    expect(terminal.text.endsWith("\r\u001b[2K\u001b[?25h")).toBe(true);
  });
  test("draws nothing anew that has not changed", () => {
    const terminal = new Recording(true);
    const view = createRunView(terminal);
    view.progress(RUN);
    const before = terminal.text;
    view.progress({ ...RUN });
    expect(terminal.text).toBe(before);
  });
  test("writes plain lines where there is no terminal, progress every ten posts", () => {
    const terminal = new Recording(false);
    const view = createRunView(terminal);
    view.log({ at: AT, level: "info", message: "hello" });
    for (let done = 0; done <= 25; done += 1) view.progress({ ...RUN, done, total: 25 });
    view.end();
    expect(terminal.text.split("\n").map((line) => line.slice(9))).toEqual([
      "info    hello",
      "info    10 of 25 posts",
      "info    20 of 25 posts",
      "",
    ]);
    expect(terminal.text).not.toContain("\u001b");
  });
});
