import { silentLogger } from "lovage";
import { expect, test } from "vitest";
import { LivePublisher } from "../../src/server/ingest/live-publisher.js";
import { eventsRoutes } from "../../src/server/routes/events.js";
import { SqlTaskStore } from "../../src/server/store/sql-task-store.js";
import { emptyRecord } from "../../src/server/store/task-record.js";
import { sqlitePlace } from "../support/console-database.js";
import { startHttp } from "../support/console-http.js";
import { StreamListener } from "../support/event-stream.js";

test("what happens while the only stream is cut off is told when it comes back", async () => {
  const { hub, origin } = await startHttp({ routes: eventsRoutes });
  const tasks = new SqlTaskStore({ database: await (await sqlitePlace()).open() });
  const publisher = new LivePublisher({ live: hub, tasks, logger: silentLogger });
  const before = await StreamListener.open(origin, "task:t1,log:t1");
  before.close();
  while (hub.clientCount > 0) await new Promise((resolve) => setImmediate(resolve));

  publisher.records([{ ...emptyRecord("t1", 1000), state: "SUCCESS", version: 2 }]);
  const line = { taskId: "t1", atMs: 1000, level: "info", message: "done", fieldsJson: "{}", attempt: 1, worker: null };
  publisher.logs([line], [1]);

  const after = await StreamListener.open(origin, "task:t1,log:t1", { "last-event-id": before.lastId ?? "" });
  await after.until(() => after.events.length === 2);
  expect(new Set(after.events.map(({ event }) => event))).toEqual(new Set(["log", "task"]));
});
