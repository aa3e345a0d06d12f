import { describe, expect, test } from "vitest";
import { formatTable } from "../../src/cli/table.js";

interface Row {
  readonly name: string | undefined;
  readonly count: number;
}
const COLUMNS = [
  { title: "NAME", value: ({ name }: Row) => name, maxWidth: 6 },
  { title: "COUNT", value: ({ count }: Row) => count, align: "right" },
] as const;

describe("formatTable", () => {
  test("puts columns under their titles", () => {
    const rows = [
      { name: "a", count: 1 },
      { name: "a-long-name", count: 1000 },
    ];
    expect(formatTable(COLUMNS, rows)).toBe(["NAME    COUNT", "a           1", "a-lon…   1000"].join("\n"));
  });

  test("shows what is missing, and keeps each row on its line", () => {
    expect(formatTable(COLUMNS, [{ name: undefined, count: 0 }])).toBe("NAME  COUNT\n-         0");
    expect(formatTable(COLUMNS, [{ name: "a\nb", count: 0 }])).toBe("NAME  COUNT\na b       0");
    expect(formatTable(COLUMNS, [{ name: "\u001b[1m", count: 0 }])).not.toContain("\u001b");
  });
});
