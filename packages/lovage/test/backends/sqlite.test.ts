import { SqliteBackend } from "../../src/backends/sqlite/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";
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
