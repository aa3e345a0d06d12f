import { silentLogger } from "lovage";
import { expect, onTestFinished, test } from "vitest";
import { StatusHistory } from "../../src/server/fleet/status-history.js";
import { openDatabase } from "../../src/server/store/open-database.js";
import { StoreError } from "../../src/server/store/store-error.js";
import { WorkerStore } from "../../src/server/store/worker-store.js";
import { sqliteUrl } from "../support/console-database.js";

test("what the store did not take when this console became the one that writes is written later, once", async () => {
  const database = openDatabase(await sqliteUrl(), { logger: silentLogger });
  onTestFinished(() => database.close());
  await database.open();
  const store = new WorkerStore(database);
  let isLeader = false;
  let isAway = false;
  const history = new StatusHistory({
    store: {
      history: async (name) => await store.history(name),
      note: async (name, entry) => {
        if (isAway) throw new StoreError("the database is locked");
        await store.note(name, entry);
      },
    },
    isLeader: () => isLeader,
  });
  await history.note("w@a", "online", 1000);
  await history.note("w@b", "online", 2000);
  isLeader = true;
  isAway = true;
  await expect(history.writeKept(3000)).rejects.toThrow(StoreError);

  isAway = false;
  await history.writeKept(4000);
  await history.writeKept(5000);
  for (const name of ["w@a", "w@b"]) expect(await store.history(name)).toMatchObject([{ what: "online", by: null }]);
});
