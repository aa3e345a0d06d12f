import { expect, test } from "vitest";
import { readSettings } from "../src/settings.js";

test("everything is in files of the example without a word in the environment", () => {
  expect(readSettings({ BLOG_SCRAPER_DATA: "/data" })).toEqual({
    brokerUrl: "sqlite:/data/queue.db",
    resultBackend: "sqlite:/data/queue.db",
    consoleStore: "sqlite:/data/console.db",
    store: "sqlite:/data/blog.db",
    blog: "http://127.0.0.1:4011/",
    pagesUrl: "http://127.0.0.1:4010/",
    contact: undefined,
  });
});

test.each([
  ["redis://cache:6379", "redis://cache:6379"],
  ["postgres://db/shop", "postgres://db/shop"],
  ["amqp://queue", "rpc://"],
  ["amqps://queue", "rpc://"],
])("with the broker %s, results are in %s unless somebody says otherwise", (brokerUrl, resultBackend) => {
  expect(readSettings({ LOVAGE_BROKER_URL: brokerUrl })).toMatchObject({ brokerUrl, resultBackend });
  const env = { LOVAGE_BROKER_URL: brokerUrl, LOVAGE_RESULT_BACKEND: "redis://other" };
  expect(readSettings(env).resultBackend).toBe("redis://other");
});

test("posts are where DATABASE_URL says, and BLOG_SCRAPER_STORE says it first", () => {
  const DATABASE_URL = "postgres://db/shop";
  expect(readSettings({ DATABASE_URL }).store).toBe(DATABASE_URL);
  expect(readSettings({ DATABASE_URL, BLOG_SCRAPER_STORE: "sqlite:blog.db" }).store).toBe("sqlite:blog.db");
});
