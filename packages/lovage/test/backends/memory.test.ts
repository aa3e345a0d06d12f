import { MemoryBackend } from "../../src/backends/memory/backend.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import { describeBackend } from "../contract/backend.contract.js";

describeBackend("memory", {
  capabilities: { durable: false, shared: false },
  fixture: async () => {
    const connections = new Connections();
    return {
      connection: ({ resultExpires }) =>
        new MemoryBackend({ url: "memory://", resultExpires, connections, logger: silentLogger }),
      remove: async () => undefined,
    };
  },
});
