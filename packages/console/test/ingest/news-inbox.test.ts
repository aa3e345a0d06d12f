import { expect, test } from "vitest";
import { type HeardNews, NewsInbox } from "../../src/server/ingest/news-inbox.js";

/** News of a task with a text somewhere in what it tells. */
function news(id: string, facts: HeardNews["news"]["facts"]): HeardNews {
  return {
    news: { id, type: "task-sent", mark: "sent", atMs: 0, clock: 1, host: "h", facts, fieldsJson: undefined },
    heardMs: 0,
    event: { type: "task-sent", hostname: "h", timestamp: 0, fields: {} },
  };
}

test.each([
  ["arguments", { args: "x".repeat(1000) }],
  ["stamps", { stampsJson: "x".repeat(1000) }],
  ["an error", { errorTold: { text: "x".repeat(1000), traceback: null } }],
  ["progress", { progress: "x".repeat(1000) }],
])("news that wait are held to so many characters, wherever they are: in %s", (_, facts) => {
  const dropped: string[] = [];
  const inbox = new NewsInbox(({ news: { id } }) => dropped.push(id), { count: 100, characters: 5000 });
  for (let n = 0; n < 6; n += 1) inbox.push(news(`t${n}`, facts));
  expect(dropped).toEqual(["t0", "t1", "t2"]);
  expect(inbox.size).toBe(3);
  expect(inbox.take(10).map(({ news: { id } }) => id)).toEqual(["t3", "t4", "t5"]);
});
