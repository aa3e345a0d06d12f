import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { headingAnchors, linkTargets, markdownPages, REPOSITORY, readPage } from "./markdown.js";

describe("the links of the documentation", () => {
  test.each(markdownPages())("%s points only at what exists", (page) => {
    const dead = linkTargets(readPage(page)).filter((target) => !leadsSomewhere(page, target));
    expect(dead).toEqual([]);
  });
});

test("every npm script that the documentation names exists", () => {
  const { scripts } = JSON.parse(readPage("package.json")) as { scripts: Record<string, string> };
  const named = markdownPages().flatMap((page) =>
    [...readPage(page).matchAll(/npm run ([a-z:-]+)/g)].map(([, name = ""]) => name),
  );
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

/** Whether a relative link's file, and heading if it names one, exist. Addresses on the web are not asked for. */
function leadsSomewhere(page: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return true;
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page : join(dirname(page), decodeURIComponent(path));
  if (!existsSync(join(REPOSITORY, file))) return false;
  return anchor === undefined || (file.endsWith(".md") && headingAnchors(readPage(file)).has(anchor));
}
