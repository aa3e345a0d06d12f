import { SqlTaskStore } from "../../src/server/store/sql-task-store.js";
import { taskStoreContract } from "../contract/task-store.contract.js";
import { describeDatabases } from "../support/console-database.js";

describeDatabases("tasks in the console's database", (place) => {
  taskStoreContract(async () => {
    const store = new SqlTaskStore({ database: await (await place()).open() });
    await store.open();
    return store;
  });
});
