import { openBackend } from "../../src/backends/open-backend.js";
import { Connections } from "../../src/connections/connections.js";
import { silentLogger } from "../../src/util/logger.js";
import type { BackendCommand, BackendReport } from "./backend-process.js";
import { success } from "./task-metas.js";

// A process of its own on a test's result backend: it does what its parent says and reports what became of it.

const [, , url = ""] = process.argv;
const backend = await openBackend({ url, resultExpires: null, connections: new Connections(), logger: silentLogger });
await backend.connect();

async function carryOut(command: BackendCommand): Promise<BackendReport> {
  switch (command.kind) {
    case "store":
      return { kind: "stored", kept: await backend.store(success(command.id, command.result)) };
    case "count": {
      const counts = command.parts.map((part) => backend.countChordPart(command.groupId, part));
      return { kind: "counted", counts: await Promise.all(counts) };
    }
    case "wait": {
      const { result } = await backend.wait(command.id, new AbortController().signal);
      return { kind: "waited", result };
    }
  }
}

process.on("message", (command: BackendCommand) => {
  carryOut(command).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ kind: "failed", error: String(error) } satisfies BackendReport),
  );
});
process.send?.({ kind: "ready" } satisfies BackendReport);
