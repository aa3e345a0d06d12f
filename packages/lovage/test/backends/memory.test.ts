import { MemoryBackend } from "../../src/backends/memory/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";

describeBackend("memory", {
  capabilities: { durable: false, shared: false, readers: "all", fencing: true, groups: true, expiry: "removed" },
  fixture: async () => {
    const url = "memory://";
    const connections = new Connections();
    return {
      url,
      connection: (options) => new MemoryBackend({ ...options, url, connections, logger: silentLogger }),
      remove: async () => undefined,
    };
  },
});
