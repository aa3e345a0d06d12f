import type { Hono } from "hono";
import { isLoopbackAddress } from "../auth/session-cookie.js";
import type { ConsoleContext, ConsoleEnv } from "../http/console-env.js";
import { userOf } from "../http/request-guard.js";
import type { ConsoleParts } from "../parts.js";
import type { ConsoleMetrics } from "./console-metrics.js";

/** `GET /metrics` for Prometheus: open to who asks on this machine, or to all with `--metrics-public`; others need a login or a token. */
export function registerMetrics(app: Hono<ConsoleEnv>, { options }: ConsoleParts, metrics: ConsoleMetrics): void {
  app.get("/metrics", async (context) => {
    if (!options.metricsPublic && !isLocal(options.host, context)) await userOf(context);
    return new Response(await metrics.metricsText(), { headers: { "content-type": metrics.contentType } });
  });
}

/** A console that listens beyond this machine may stand behind a proxy on it, whose requests are anybody's. */
function isLocal(host: string, context: ConsoleContext): boolean {
  return isLoopbackAddress(host) && isLoopbackAddress(context.get("address"));
}
