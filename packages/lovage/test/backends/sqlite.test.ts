import { expect, onTestFinished, test } from "vitest";
import { SqliteBackend } from "../../src/backends/sqlite/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";
import { IdleProcess } from "../support/idle-process.js";
import { sqliteFile } from "../support/sqlite-file.js";

describeBackend("SQLite", {
  capabilities: { durable: true, shared: true },
  fixture: async () => {
    const file = await sqliteFile();
    return {
      // Each with a connection of its own, as in processes of their own.
      connection: ({ resultExpires }) =>
        new SqliteBackend({ url: file.url, resultExpires, connections: new Connections(), logger: silentLogger }),
      remove: file.remove,
    };
  },
});

test("a process that waits for a result lives until it has it, and no longer", async () => {
  const file = await sqliteFile();
  onTestFinished(file.remove);
  const backend = new SqliteBackend({
    url: file.url,
    resultExpires: null,
    connections: new Connections(),
    logger: silentLogger,
  });
  onTestFinished(() => backend.close());
  await backend.connect();
  const idle = await IdleProcess.start("wait", file.url);
  // A process that nothing holds ends at once.
  await new Promise((later) => setTimeout(later, 300));
  expect(idle.isAlive).toBe(true);

  await backend.store({
    taskId: "t",
    status: "SUCCESS",
    result: "for the one who waited",
    traceback: null,
    children: [],
    dateDone: new Date(),
  });

  expect(await idle.end()).toBe(0);
  expect(idle.lines).toEqual(["idle", "for the one who waited"]);
}, 15_000);
