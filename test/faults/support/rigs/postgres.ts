import pg from "pg";
import { startServer } from "../../../support/services/server.js";
import type { ServerRig } from "../rig.js";

/** A PostgreSQL that has each commit on disk before it says so. */
export async function postgresRig(): Promise<ServerRig> {
  const server = await startServer("postgres");
  const query = async (
    ...statements: readonly [text: string, values: readonly unknown[]][]
  ): Promise<pg.QueryResult> => {
    const client = new pg.Client(server.url);
    await client.connect();
    try {
      let result = await client.query("BEGIN");
      for (const [text, values] of statements) result = await client.query(text, [...values]);
      await client.query("COMMIT");
      return result;
    } finally {
      await client.end();
    }
  };
  const first = async (text: string, ...values: readonly unknown[]): Promise<string> =>
    String(Object.values((await query([text, values])).rows[0] ?? {})[0]);
  const scheduled = "queue_id = (SELECT id FROM lovage.broker_queues WHERE name = $1)";
  return {
    broker: "postgres",
    description: `PostgreSQL ${(await first("SHOW server_version")).split(" ")[0]}, fsync ${await first("SHOW fsync")}, synchronous_commit ${await first("SHOW synchronous_commit")}`,
    url: server.url,
    held: async () => 0,
    countsLag: 0,
    resultBackend: (brokerUrl) => brokerUrl,
    server,
    delayed: {
      count: async (queue) =>
        Number(await first(`SELECT count(*) FROM lovage.broker_scheduled WHERE ${scheduled}`, queue)),
      makeDue: async (queue) => {
        // The message says it too, and a worker puts back what comes early.
        const edit = `UPDATE lovage.broker_messages SET headers = regexp_replace(headers, '"eta": ?"[^"]*"', '"eta":"' || $2 || '"')
          WHERE id IN (SELECT id FROM lovage.broker_scheduled WHERE ${scheduled})`;
        await query(
          [edit, [queue, new Date().toISOString()]],
          [`UPDATE lovage.broker_scheduled SET due = now() WHERE ${scheduled}`, [queue]],
        );
      },
    },
    dispose: () => server.remove(),
  };
}
