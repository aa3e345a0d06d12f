import { expect, test } from "vitest";
import { FindingsMail } from "../../src/server/ingest/findings-mail.js";
import { describeDatabases } from "../support/console-database.js";

describeDatabases("what consoles that do not write have found out", (place) => {
  test("is taken away letter by letter: not what was sent earlier and committed after it was read", async () => {
    const database = await (await place()).open();
    const mail = new FindingsMail(database);
    await mail.prepare();
    await mail.send("a", { state: "SUCCESS" });
    await mail.send("b", { schedule: "nightly" });
    const letters = await mail.read();
    expect(letters.map(({ id, found }) => [id, found])).toEqual([
      ["a", { state: "SUCCESS" }],
      ["b", { schedule: "nightly" }],
    ]);
    await database.write([
      {
        sql: "INSERT INTO ingest_findings (number, task_id, found_json) VALUES (?, ?, ?)",
        values: [(letters[0]?.number ?? 0) - 1, "slow", '{"name":"n"}'],
      },
    ]);
    await mail.delete(letters);
    expect((await mail.read()).map(({ id }) => id)).toEqual(["slow"]);
  });
});
