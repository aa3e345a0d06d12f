import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openRepository } from "../src/storage/open-repository.js";
import { StorageError } from "../src/storage/repository.js";
import { openSqliteRepository } from "../src/storage/sqlite/sqlite-repository.js";
import { describeRepository, NOON } from "./repository.contract.js";
import { temporaryFolder } from "./support/temporary-folder.js";

describeRepository("a store in a SQLite file", async () => {
  const folder = await temporaryFolder();
  const file = join(folder.path, "sub", "blog.db");
  const repository = await openSqliteRepository(file, () => NOON);
  return {
    repository,
    address: `sqlite:${file}`,
    async [Symbol.asyncDispose]() {
      await repository.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});

describe("a SQLite file", () => {
  test("says what is wrong with an address or file that it cannot use", async () => {
    await using folder = await temporaryFolder();
    await expect(openRepository("mysql://x")).rejects.toThrow(/"mysql:…"; expected sqlite:<file>/);
    const file = join(folder.path, "text.db");
    await writeFile(
      file,
      "this is no database, only a text that is long enough to be taken for one at first sight ".repeat(20),
    );
    await expect(openRepository(`sqlite:${file}`)).rejects.toBeInstanceOf(StorageError);
  });
});
