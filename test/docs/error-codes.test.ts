import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY, readPage } from "./markdown.js";

const SOURCES = join(REPOSITORY, "packages/lovage/src");

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
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const codes = files.flatMap((file) => [
    ...readFileSync(join(SOURCES, file), "utf8").matchAll(/\bcode: "([a-z][a-z0-9_]*)"/g),
  ]);
  return [...new Set(codes.map(([, code = ""]) => code))].sort();
}

function codesOnPage(): string[] {
  return [...readPage("docs/errors.md").matchAll(/^### `([a-z0-9_]+)`$/gm)].map(([, code = ""]) => code).sort();
}
