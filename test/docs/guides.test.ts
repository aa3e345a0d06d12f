import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { describeWithServer } from "../../packages/lovage/test/support/servers.js";
import { GuideFolder } from "./guide-folder.js";
import { codeBlocks, readPage } from "./markdown.js";

/** Pages whose code a reader types in from top to bottom. */
const GUIDES = [
  "README.md",
  "docs/getting-started.md",
  "docs/jobs.md",
  "docs/console.md",
  "packages/lovage/README.md",
  "packages/console/README.md",
];

/** Compiling with all that the console's types stand on takes ten seconds, and more on a machine that is busy. */
const GUIDE_DEADLINE_MS = 300_000;

let folder: GuideFolder | undefined;
afterEach(async () => {
  await folder?.stop();
});

describe("what the guides show", () => {
  test.each(GUIDES)(
    "%s: its code compiles, its commands run, and they say what it promises",
    async (page) => {
      // Given the folder of somebody who begins
      folder = new GuideFolder();
      await follow(page, folder);
      folder = undefined;
    },
    GUIDE_DEADLINE_MS,
  );
});

describeWithServer("postgres", "what the guide to the outbox shows", (server) => {
  test("its code compiles, its commands run, and they say what it promises", async () => {
    // Given a database with nothing in it
    const database = `guide_${randomBytes(6).toString("hex")}`;
    const admin = new pg.Client(server);
    await admin.connect();
    await admin.query(`CREATE DATABASE ${database}`);
    const url = new URL(server);
    url.pathname = `/${database}`;
    try {
      folder = new GuideFolder({ installs: ["pg", "@types/pg"], env: { DATABASE_URL: url.href } });
      await follow("docs/outbox.md", folder);
      folder = undefined;
    } finally {
      await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
      await admin.end();
    }
  });
});

async function follow(page: string, into: GuideFolder): Promise<void> {
  const blocks = codeBlocks(readPage(page));
  // When the page is followed, block by block
  for (const [index, block] of blocks.entries()) {
    if (block.language === "ts") writeBlock(into, page, block.text, block.line);
    // A file is complete only when the next command uses it.
    if (block.language === "sh") {
      expect(into.typeErrors(), `types of the files of ${page} before line ${block.line}`).toBe("");
      await into.run(block, promisedOutput(blocks[index + 1]));
    }
  }
  // Then all of it worked, and workers that were told to stop did so properly
  expect(into.typeErrors()).toBe("");
  expect((await into.stop()).filter((code) => code !== 0)).toEqual([]);
}

/** The first line of a block names its file, as in `// tasks.ts`. A later block of the same name replaces the file. */
function writeBlock(into: GuideFolder, page: string, text: string, line: number): void {
  const file = /^\/\/ (\S+\.ts)\b/.exec(text)?.[1];
  if (file === undefined)
    throw new Error(`${page}:${line}: a ts block begins with its file's name, as in "// tasks.ts"`);
  into.write(file, `${text}\n`);
}

/** A `text` block after commands shows their output. */
function promisedOutput(next: { language: string; text: string } | undefined): string[] {
  return next?.language === "text" ? next.text.split("\n").filter((line) => line.trim() !== "") : [];
}
