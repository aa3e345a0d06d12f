import { randomBytes } from "node:crypto";
import pg from "pg";

/** A schema of a test's own in a PostgreSQL database that others use too. It is made by whoever first opens the URL. */
export interface PostgresSchema {
  readonly name: string;
  /** With the schema in its query. */
  readonly url: string;
  /** The database, as any program of its user would open it. */
  client(): Promise<pg.Client>;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Drops the schema and closes the test's own connections. */
  remove(): Promise<void>;
}

export async function postgresSchema(serverUrl: string): Promise<PostgresSchema> {
  const name = `t_${randomBytes(6).toString("hex")}`;
  const clients: pg.Client[] = [];
  const open = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: serverUrl });
    clients.push(client);
    await client.connect();
    return client;
  };
  let own: Promise<pg.Client> | undefined;
  const query = async (text: string, values?: unknown[]): Promise<Record<string, unknown>[]> => {
    own ??= open();
    return (await (await own).query<Record<string, unknown>>(text, values)).rows;
  };
  return {
    name,
    url: `${serverUrl}?schema=${name}`,
    client: open,
    query,
    remove: async () => {
      own ??= open();
      const last = await own;
      // A transaction that a failed test left open would hold up the rest.
      for (const client of clients) if (client !== last) await client.end().catch(() => undefined);
      await last.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
      await last.end();
    },
  };
}
