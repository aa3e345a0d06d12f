import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { KeptProcess } from "./keeper.js";
import { findProgram } from "./programs.js";
import type { Ports, ServerOptions, ServerType } from "./server-type.js";

const COMPOSE = new URL("../../../deploy/compose.yaml", import.meta.url);

/** Whether containers can be started here. At most 10 seconds. */
export function isDockerThere(): boolean {
  const docker = findProgram("docker");
  if (docker === undefined) return false;
  try {
    execFileSync(docker, ["info"], { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** The image that deploy/compose.yaml gives a service. */
export function imageOf(service: string): string {
  const text = readFileSync(COMPOSE, "utf8");
  const image = new RegExp(`^  ${service}:\\n(?:    .*\\n|\\s*\\n)*?    image: *(\\S+)`, "m").exec(text)?.[1];
  if (image === undefined) throw new Error(`deploy/compose.yaml names no image for ${service}`);
  return image;
}

/** The server as a container of the name: created once, then started, stopped and killed by that. */
export function createContainer(type: ServerType, name: string, ports: Ports, options: ServerOptions): void {
  const { port, managementPort, environment, command } = type.container(options);
  const published = [[ports.main, port], ...(managementPort === undefined ? [] : [[ports.management, managementPort]])];
  const args = [
    "create",
    "--name",
    name,
    "--label",
    "lovage-services",
    ...published.flatMap(([outer, inner]) => ["--publish", `127.0.0.1:${outer}:${inner}`]),
    ...Object.entries(environment).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    imageOf(type.service),
    ...command,
  ];
  // Long enough to fetch the image.
  execFileSync("docker", args, { stdio: ["ignore", "ignore", "inherit"], timeout: 600_000 });
}

/** Runs for as long as the container does. */
export function containerProcess(name: string): KeptProcess {
  return {
    file: "docker",
    args: ["start", "--attach", name],
    env: process.env,
    // Killing the command would leave the container running.
    commands: { stop: ["docker", "stop", "--time", "30", name], kill: ["docker", "kill", name] },
  };
}

/** Removes the container with its data. */
export function containerCleanUp(name: string): string[] {
  return ["docker", "rm", "--force", "--volumes", name];
}
