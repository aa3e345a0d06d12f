// The app of the outbox tests: loaded by the test and again by the pool. Its settings come from the environment.
import pg from "pg";
import { Lovage } from "../../src/index.js";

export const app = new Lovage("outbox-tests");

export const add = app.task("o.add", (x: number, y: number) => x + y);

/** Sends `add` inside a transaction of its own, which is committed or not. Returns the id of what it sent. */
export const sends = app.task("o.sends", async (databaseUrl: string, commits: boolean) => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("BEGIN");
    const sent = await add.in(client).delay(20, 22);
    await client.query(commits ? "COMMIT" : "ROLLBACK");
    return sent.id;
  } finally {
    await client.end();
  }
});
