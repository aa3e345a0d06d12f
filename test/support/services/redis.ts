import { REDIS_GREETING } from "./answers.js";
import { findProgram } from "./programs.js";
import type { ServerOptions, ServerType } from "./server-type.js";

export const redis: ServerType = {
  kind: "redis",
  title: "Redis",
  packages: ["redis-server"],
  account: "redis",
  service: "redis",
  greeting: REDIS_GREETING,
  url: (port) => `redis://127.0.0.1:${port}`,
  findPrograms: () => {
    const server = findProgram("redis-server");
    return server === undefined ? undefined : { server };
  },
  prepare: async () => {},
  processes: ({ server = "" }, { folder, ports, account }, options) => [
    {
      file: server,
      args: ["--port", String(ports.main), "--bind", "127.0.0.1", "--dir", folder, ...flags(options)],
      env: process.env,
      ...account,
    },
  ],
  container: (options) => ({ port: 6379, environment: {}, command: ["redis-server", ...flags(options)] }),
};

function flags({ durable, settings }: ServerOptions): string[] {
  const all: Readonly<Record<string, string>> = {
    // No snapshots: the log of commands, flushed before each answer, or nothing on disk at all.
    save: "",
    ...(durable ? { appendonly: "yes", appendfsync: "always" } : { appendonly: "no" }),
    ...settings,
  };
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
}
