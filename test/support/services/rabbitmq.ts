import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AMQP_GREETING } from "./answers.js";
import { findProgram } from "./programs.js";
import type { ServerOptions, ServerType, Site } from "./server-type.js";

/** Debian's `rabbitmq-server` in the PATH is a wrapper for root and one account; the script behind it serves anyone. */
const SCRIPTS = ["/usr/lib/rabbitmq/bin"];

const COMMON: Readonly<Record<string, string>> = {
  // A test's disk may be nearly full; blocking all publishers for that would be a riddle.
  "disk_free_limit.absolute": "1MB",
  // The API's numbers of messages, fresh enough for a test to wait for them.
  collect_statistics_interval: "1000",
};

export const rabbitmq: ServerType = {
  kind: "amqp",
  title: "RabbitMQ",
  packages: ["rabbitmq-server"],
  account: "rabbitmq",
  service: "rabbitmq",
  greeting: AMQP_GREETING,
  url: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
  managementUrl: (port) => `http://guest:guest@127.0.0.1:${port}`,
  findPrograms: () => {
    const [server, epmd] = [findProgram("rabbitmq-server", SCRIPTS), findProgram("epmd")];
    return server === undefined || epmd === undefined ? undefined : { server, epmd };
  },
  prepare: (_programs, site, options) => configure(site, options),
  processes: ({ server = "", epmd = "" }, site) => [
    {
      // Erlang's port mapper. RabbitMQ would start one for the whole machine, and leave it there.
      file: epmd,
      args: ["-port", String(site.ports.inner[0]), "-address", "127.0.0.1"],
      env: process.env,
      stays: true,
      ...site.account,
    },
    { file: server, args: [], env: environment(site), ...site.account },
  ],
  container: (options) => ({
    port: 5672,
    managementPort: 15672,
    environment: { LOVAGE_SETTINGS: lines({ ...COMMON, ...options.settings }) },
    command: [
      "sh",
      "-c",
      'printf %s "$LOVAGE_SETTINGS" > /etc/rabbitmq/conf.d/90-tests.conf && exec docker-entrypoint.sh rabbitmq-server',
    ],
  }),
};

/** In the form of rabbitmq.conf. */
function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

async function configure({ folder, ports, account }: Site, { settings }: ServerOptions): Promise<void> {
  const all: Readonly<Record<string, string>> = {
    "listeners.tcp.1": `127.0.0.1:${ports.main}`,
    "management.tcp.ip": "127.0.0.1",
    "management.tcp.port": String(ports.management),
    ...COMMON,
    ...settings,
  };
  const files = {
    "rabbitmq.conf": lines(all),
    enabled_plugins: "[rabbitmq_management].\n",
    // Whatever the machine's own server is told in /etc is not for this one.
    "environment.conf": "",
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    if (account) await chown(join(folder, name), account.uid, account.gid);
  }
}

function environment({ folder, ports }: Site): Record<string, string | undefined> {
  const [mapper, distribution] = ports.inner;
  return {
    ...process.env,
    // Erlang keeps its cookie there.
    HOME: folder,
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `lovage-${ports.main}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONF_ENV_FILE: join(folder, "environment.conf"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_SCHEMA_DIR: join(folder, "schema"),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "config"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_LOGS: "-",
    // Two schedulers that sleep when idle: it shares the machine with the tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
  };
}
