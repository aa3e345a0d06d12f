import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { amqpVhost } from "../../../packages/lovage/test/support/amqp-vhost.js";
import { describeWithServer } from "../../../packages/lovage/test/support/servers.js";
import { startProgram } from "../../../test/support/started-program.js";
import { bloggerPage, dayPosts } from "./support/blogger-markup.js";
import { startSite } from "./support/scripted-site.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const MAIN = new URL("../src/main.ts", import.meta.url);
const POSTS = 12;

describeWithServer("postgres", "with its posts in PostgreSQL, changing one URL", (database) => {
  test("runs on SQLite", { timeout: 60_000 }, async () => {
    await expectToScrape(database, {});
  });

  test("runs on PostgreSQL", { timeout: 60_000 }, async () => {
    const schema = await givenSchema(database);
    await expectToScrape(database, { LOVAGE_BROKER_URL: `${database}?schema=${schema}` });
  });

  describeWithServer("redis", "and Redis", (server) => {
    test("runs on Redis", { timeout: 60_000 }, async () => {
      const prefix = `blog-${randomBytes(6).toString("hex")}:`;
      onTestFinished(() => removeKeys(server, prefix));
      await expectToScrape(database, { LOVAGE_BROKER_URL: `${server}?global_keyprefix=${prefix}` });
    });
  });

  describeWithServer("amqp", "and RabbitMQ", () => {
    test("runs on RabbitMQ", { timeout: 60_000 }, async () => {
      const vhost = await amqpVhost();
      onTestFinished(() => vhost.remove());
      await expectToScrape(database, { LOVAGE_BROKER_URL: vhost.url });
    });
  });
});

/** Scrapes a blog on this machine twice, with the environment's broker; the second run finds the posts of the first. */
async function expectToScrape(database: string, env: Readonly<Record<string, string>>): Promise<void> {
  await using folder = await temporaryFolder();
  await using site = await startSite();
  site.page("/", bloggerPage(dayPosts(1, POSTS)));
  const schema = await givenSchema(database);
  const all = { BLOG_SCRAPER_DATA: folder.path, DATABASE_URL: `${database}?schema=${schema}`, ...env };
  const args = ["--once", "--blog", `${site.origin}/`];

  const first = startProgram(MAIN, args, all);
  onTestFinished(() => void first.child.kill("SIGKILL"));
  expect(await first.exit).toEqual({
    code: 0,
    output: expect.stringContaining(`SUCCESS: ${POSTS} found, ${POSTS} extracted (${POSTS} new, 0 updated)`),
  });
  const second = startProgram(MAIN, args, all);
  onTestFinished(() => void second.child.kill("SIGKILL"));
  expect(await second.exit).toEqual({
    code: 0,
    output: expect.stringContaining(`SUCCESS: ${POSTS} found, ${POSTS} extracted (0 new, ${POSTS} updated)`),
  });

  expect(await query(database, `SELECT count(*)::integer AS posts FROM ${schema}.posts`)).toEqual([{ posts: POSTS }]);
}

/** The name of a schema that is dropped when the test is over. */
async function givenSchema(database: string): Promise<string> {
  const name = `blog_${randomBytes(6).toString("hex")}`;
  onTestFinished(async () => void (await query(database, `DROP SCHEMA IF EXISTS ${name} CASCADE`)));
  return name;
}

async function query(database: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

async function removeKeys(server: string, prefix: string): Promise<void> {
  const client = new Redis(server);
  const keys = await client.keys(`${prefix}*`);
  if (keys.length > 0) await client.del(keys);
  client.disconnect();
}
