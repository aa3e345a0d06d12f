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

/** What proxies add: they may stand on this machine, and their requests are anybody's. */
const OF_PROXIES = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "via",
] as const;

function isLocal(host: string, context: ConsoleContext): boolean {
  if (OF_PROXIES.some((name) => context.req.header(name) !== undefined)) return false;
  return isLoopbackAddress(host) && isLoopbackAddress(context.get("address"));
}
