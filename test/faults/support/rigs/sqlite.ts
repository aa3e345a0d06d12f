import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type DatabaseSyncInstance } from "@photostructure/sqlite";
import type { Rig } from "../rig.js";

/** A SQLite file in a folder of its own. */
export async function sqliteRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), "lovage-faults-sqlite-"));
  const path = join(folder, "faults.db");
  const query = <T>(work: (database: DatabaseSyncInstance) => T): T => {
    const database = new DatabaseSync(path, { timeout: 5000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  const inQueue = "queue_id = (SELECT id FROM broker_queues WHERE name = ?)";
  return {
    broker: "sqlite",
    description: `SQLite ${query((database) => database.prepare("SELECT sqlite_version() AS version").get())?.version}`,
    url: `sqlite:${path}`,
    held: async () => 0,
    countsLag: 0,
    resultBackend: (brokerUrl) => brokerUrl,
    server: undefined,
    delayed: {
      count: async (queue) =>
        Number(
          query((database) =>
            database.prepare(`SELECT count(*) AS n FROM broker_scheduled WHERE ${inQueue}`).get(queue),
          )?.n,
        ),
      makeDue: async (queue) => {
        const now = new Date();
        query((database) => {
          // The message says it too, and a worker puts back what comes early.
          const ids = `SELECT id FROM broker_scheduled WHERE ${inQueue}`;
          const edit = `UPDATE broker_messages SET headers = json_set(headers, '$.eta', ?) WHERE id IN (${ids})`;
          database.prepare(edit).run(now.toISOString(), queue);
          database.prepare(`UPDATE broker_scheduled SET due = ? WHERE ${inQueue}`).run(now.getTime(), queue);
        });
      },
    },
    dispose: async () => await rm(folder, { recursive: true, force: true }),
  };
}
