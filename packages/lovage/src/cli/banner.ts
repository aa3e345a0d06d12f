import { SOFTWARE } from "../protocol/software.js";
import type { Logger } from "../util/logger.js";
import { maskUrls } from "../util/secrets.js";
import type { Worker } from "../worker/worker.js";
import type { OpenedApp } from "./open-app.js";
import { remark } from "./output.js";

/** Says what is about to start: a banner for people, one record for programs. Passwords are masked. */
export function announce(
  worker: Worker,
  opened: OpenedApp,
  how: { readonly text: boolean; readonly logger: Logger },
): void {
  const facts = factsOf(worker, opened);
  if (how.text) remark(banner(worker.hostname, facts));
  else how.logger.info(`worker ${worker.hostname} starts`, { ...facts });
}

interface Facts {
  readonly app: string;
  readonly broker: string;
  readonly results: string;
  readonly pool: string;
  readonly concurrency: string;
  readonly events: string;
  readonly queues: readonly string[];
  readonly tasks: readonly string[];
  readonly pid: number;
}

function factsOf(worker: Worker, { app, path }: OpenedApp): Facts {
  const { settings } = app;
  const { min, max } = worker.autoscale ?? { min: worker.concurrency, max: worker.concurrency };
  return {
    app: `${app.name}${path === undefined ? "" : ` (${path})`}`,
    broker: maskUrls(settings.brokerUrl),
    results: maskUrls(settings.resultBackend ?? "disabled"),
    pool: worker.poolKind,
    concurrency: min === max ? String(max) : `${min} to ${max}`,
    events: worker.sendsTaskEvents ? "on" : "off (-E switches them on)",
    queues: worker.queueNames,
    tasks: app.taskNames,
    pid: process.pid,
  };
}

function banner(hostname: string, facts: Facts): string {
  return `
 lovage ${SOFTWARE.sw_ver}  ${hostname}  (node ${process.versions.node}, ${process.platform})

   app          ${facts.app}
   broker       ${facts.broker}
   results      ${facts.results}
   pool         ${facts.pool}
   concurrency  ${facts.concurrency}
   task events  ${facts.events}

 [queues]
${listed(facts.queues)}

 [tasks]
${listed(facts.tasks)}

 Stop with Ctrl-C or: kill ${facts.pid}
`;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "   (none)" : names.map((name) => `   . ${name}`).join("\n");
}
