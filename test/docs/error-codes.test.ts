import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY, readPage } from "./markdown.js";

const SOURCES = ["packages/lovage/src", "packages/console/src/server"].map((folder) => join(REPOSITORY, folder));
/** `code: "…"` of our error classes, and the second argument of the console's refusals. */
const CODE = /(?:\bcode: |\bApiError\(\s*[^,"]+,\s*)"([a-z][a-z0-9_]*)"/g;

test("every error code in the sources is explained in docs/errors.md, and the other way round", () => {
  // Given the codes of both sides
  const thrown = codesInSources();
  const explained = codesOnPage();
  // Then neither side has one of its own
  expect({
    thrownButNotExplained: thrown.filter((code) => !explained.includes(code)),
    explainedButNeverThrown: explained.filter((code) => !thrown.includes(code)),
  }).toEqual({ thrownButNotExplained: [], explainedButNeverThrown: [] });
});

test("every explanation says what causes the error and how to cure it", () => {
  const sections = readPage("docs/errors.md").split(/^### /m).slice(1);
  const incomplete = sections.filter((text) => !/^\*\*Cause\.\*\* \S/m.test(text) || !/^\*\*Cure\.\*\* \S/m.test(text));
  expect(incomplete.map((text) => text.split("\n", 1)[0])).toEqual([]);
});

function codesInSources(): string[] {
  const texts = SOURCES.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(folder, file), "utf8")),
  );
  const codes = texts.flatMap((text) => [...text.matchAll(CODE)].map(([, code = ""]) => code));
  return [...new Set(codes)].sort();
}

function codesOnPage(): string[] {
  return [...readPage("docs/errors.md").matchAll(/^### `([a-z0-9_]+)`$/gm)].map(([, code = ""]) => code).sort();
}
