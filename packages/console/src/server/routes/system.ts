import { RetentionChange, SystemInfo } from "../../api/operations.js";
import type { ConsoleParts } from "../parts.js";
import { route } from "../route.js";
import { consoleVersion } from "../version.js";

/** What the console stands on, and how long it keeps what. */
export const systemRoutes = [
  route(
    {
      method: "get",
      path: "/system",
      tag: "system",
      summary: "Broker, backend, store, ingest, retention",
      role: "viewer",
      response: SystemInfo,
    },
    async ({ parts }) => systemInfo(parts),
  ),
  route(
    {
      method: "patch",
      path: "/system",
      tag: "system",
      summary: "Change for how long things are kept",
      role: "admin",
      body: RetentionChange,
      response: SystemInfo,
      audit: { action: "change retention", target: () => "retention" },
    },
    async ({ parts, body }) => {
      const changes = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
      await parts.retention.change(changes);
      return systemInfo(parts);
    },
  ),
];

async function systemInfo(parts: ConsoleParts): Promise<SystemInfo> {
  const [sizeBytes, states] = await Promise.all([parts.database.size(), parts.tasks.stateCounts()]);
  const { taskDays, taskCount, failureDays, logDays, logBytesPerTask, auditDays } = parts.retention.limits;
  return {
    version: consoleVersion(),
    startedAt: parts.startedAt.toISOString(),
    broker: { ...parts.health.broker, capabilities: { ...parts.health.broker.capabilities } },
    backend: { url: parts.health.backend.url, capabilities: { ...parts.health.backend.capabilities } },
    store: {
      url: parts.database.url,
      sizeBytes,
      tasks: Object.values(states).reduce((sum, count) => sum + count, 0),
      trouble: parts.database.trouble,
    },
    ingest: parts.ingest.status,
    retention: { taskDays, taskCount, failureDays, logDays, logBytesPerTask, auditDays },
    streamClients: parts.live.clientCount,
  };
}
