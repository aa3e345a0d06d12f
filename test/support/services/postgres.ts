import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { POSTGRES_GREETING } from "./answers.js";
import { findProgram, postgresFolders } from "./programs.js";
import type { ServerOptions, ServerType, Site } from "./server-type.js";

/**
 * Nothing outside of its folder: a socket's path would be too long in many a temporary folder, and what a killed server leaves in
 * /dev/shm stays there, which in a container is small.
 */
const IN_FOLDER = ["-c", "unix_socket_directories=", "-c", "dynamic_shared_memory_type=mmap"];

export const postgres: ServerType = {
  kind: "postgres",
  title: "PostgreSQL",
  packages: ["postgresql"],
  account: "postgres",
  service: "postgres",
  greeting: POSTGRES_GREETING,
  url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  findPrograms: () => {
    const folders = postgresFolders();
    const [server, initdb] = [findProgram("postgres", folders), findProgram("initdb", folders)];
    return server === undefined || initdb === undefined ? undefined : { server, initdb };
  },
  prepare: ({ initdb = "" }, site) => initialise(initdb, site),
  processes: ({ server = "" }, { folder, ports, account }, options) => [
    {
      file: server,
      args: [
        "-D",
        join(folder, "data"),
        "-p",
        String(ports.main),
        "-c",
        "listen_addresses=127.0.0.1",
        ...IN_FOLDER,
        ...flags(options),
      ],
      env: process.env,
      // Fast shutdown: what is not committed is rolled back, nobody is waited for.
      stopSignal: "SIGINT",
      // Immediate shutdown: its shared memory would stay in the system for ever.
      endSignal: "SIGQUIT",
      ...account,
    },
  ],
  container: (options) => ({
    port: 5432,
    environment: { POSTGRES_HOST_AUTH_METHOD: "trust" },
    command: ["postgres", ...flags(options)],
  }),
};

function flags({ durable, settings }: ServerOptions): string[] {
  const all: Readonly<Record<string, string>> = {
    max_connections: "300",
    ...(durable ? {} : { fsync: "off", full_page_writes: "off" }),
    ...settings,
  };
  return Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function initialise(initdb: string, { folder, account }: Site): Promise<void> {
  const args = ["-D", join(folder, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const child = spawn(initdb, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], ...account });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code]: unknown[] = await once(child, "close");
  if (code !== 0) throw new Error(`${initdb} failed: ${said.trim()}`);
}
