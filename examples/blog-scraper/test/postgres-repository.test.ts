import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, test } from "vitest";
import { describeWithServer } from "../../../packages/lovage/test/support/servers.js";
import { openPostgresRepository } from "../src/storage/postgres/postgres-repository.js";
import { StorageError } from "../src/storage/repository.js";
import { describeRepository, NOON } from "./repository.contract.js";

describeWithServer("postgres", "on a PostgreSQL server", (server) => {
  describeRepository("a store in a PostgreSQL schema", async () => {
    const schema = `blog_${randomBytes(6).toString("hex")}`;
    const address = `${server}?schema=${schema}`;
    const repository = await openPostgresRepository(address, () => NOON);
    return {
      repository,
      address,
      async [Symbol.asyncDispose]() {
        await repository.close();
        await dropSchema(server, schema);
      },
    };
  });

  test("is made by several who open it at once, and once", async () => {
    const schema = `blog_${randomBytes(6).toString("hex")}`;
    const address = `${server}?schema=${schema}`;
    const opened = await Promise.all([1, 2, 3, 4].map(() => openPostgresRepository(address)));
    expect(await Promise.all(opened.map((repository) => repository.listBlogs()))).toEqual([[], [], [], []]);
    await Promise.all(opened.map((repository) => repository.close()));
    await dropSchema(server, schema);
  });
});

test("a PostgreSQL store says what is wrong, and no password", async () => {
  const nobody = "postgres://me:secret@127.0.0.1:1/blog";
  const error: unknown = await openPostgresRepository(nobody).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StorageError);
  expect(String(error)).toContain("ECONNREFUSED");
  expect(String(error)).not.toContain("secret");
  await expect(openPostgresRepository(`${nobody}?schema=a-b`)).rejects.toThrow("?schema=<name>");
});

async function dropSchema(server: string, schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
}
