import { isDockerThere } from "./docker.js";
import { canInstall, installPackages } from "./install.js";
import { SERVER_TYPES } from "./kinds.js";
import { NEEDS, type Need } from "./needs.js";
import { startServer, type TestServer } from "./server.js";
import type { ServerKind } from "./server-type.js";
import { TOOLS } from "./tools.js";

const MANAGEMENT = "LOVAGE_TEST_AMQP_MANAGEMENT";

/** How something that tests need comes to be there. */
export type Source =
  | { readonly how: "given" | "installed"; readonly where: string }
  /** A server, with Docker. */
  | { readonly how: "docker" }
  | { readonly how: "missing"; readonly reason: string };

/** Where a need would be met from, in the order given, installed, Docker. Nothing is started or installed. */
export function findSource(need: Need, env: NodeJS.ProcessEnv = process.env): Source {
  const given = env[NEEDS[need]];
  if (given) return { how: "given", where: given };
  const found = isServer(need) ? SERVER_TYPES[need].findPrograms()?.server : TOOLS[need].find();
  if (found !== undefined) return { how: "installed", where: found };
  if (isServer(need) && isDockerThere()) return { how: "docker" };
  return { how: "missing", reason: whatToDo(need) };
}

/** What is installed, started and given for tests, as variables of the environment. */
export interface TestEnvironment {
  /** Of NEEDS for what is there, with _MISSING after the name and the reason as its value for what is not. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ends the servers that were started. */
  close(): Promise<void>;
}

/**
 * Sees to it that what is needed is there: uses what is given, starts what is installed, installs Debian's packages when it
 * may, else starts servers with Docker. What cannot be had is in `variables` with its reason.
 * @throws an Error when something that is there does not start.
 */
export async function prepareEnvironment(needs: Iterable<Need>, say: (line: string) => void): Promise<TestEnvironment> {
  const wanted = [...new Set(needs)];
  await installMissing(wanted, say);
  const servers: TestServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.remove()));
  };
  const variables = await Promise.allSettled(
    wanted.map(async (need): Promise<Record<string, string>> => {
      const source = findSource(need);
      if (source.how === "missing") return { [`${NEEDS[need]}_MISSING`]: source.reason };
      if (source.how === "given") return given(need, source.where);
      if (!isServer(need)) return source.how === "installed" ? { [NEEDS[need]]: source.where } : {};
      // Shared by all tests of a run and gone after it: no need to outlive a power cut.
      const server = await startServer(need, { durable: false });
      servers.push(server);
      return { [NEEDS[need]]: server.url, ...(server.managementUrl && { [MANAGEMENT]: server.managementUrl }) };
    }),
  );
  const failure = variables.find((outcome) => outcome.status === "rejected");
  if (failure) {
    await close();
    throw failure.reason;
  }
  const all = variables.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  return { variables: Object.assign({}, ...all), close };
}

/** Installs what is missing, when that is possible; what Docker could do instead is installed rather. */
export async function installMissing(needs: readonly Need[], say: (line: string) => void): Promise<void> {
  if (!canInstall()) return;
  const missing = needs.filter((need) => !["given", "installed"].includes(findSource(need).how));
  const packages = missing.flatMap((need) => [...(isServer(need) ? SERVER_TYPES[need] : TOOLS[need]).packages]);
  if (packages.length > 0) await installPackages(packages, say);
}

/** As people call it. */
export function titleOf(need: Need): string {
  return (isServer(need) ? SERVER_TYPES[need] : TOOLS[need]).title;
}

/** Debian's packages that bring it. */
export function packagesOf(need: Need): readonly string[] {
  return (isServer(need) ? SERVER_TYPES[need] : TOOLS[need]).packages;
}

function isServer(need: Need): need is ServerKind {
  return Object.hasOwn(SERVER_TYPES, need);
}

function given(need: Need, url: string): Record<string, string> {
  if (need !== "amqp" || process.env[MANAGEMENT]) return { [NEEDS[need]]: url };
  // Where the management plugin listens when it is told nothing else.
  const { username, password, hostname } = new URL(url);
  return { [NEEDS.amqp]: url, [MANAGEMENT]: `http://${username || "guest"}:${password || "guest"}@${hostname}:15672` };
}

function whatToDo(need: Need): string {
  const docker = isServer(need) ? ", or start Docker" : "";
  return `${titleOf(need)} is missing: install ${packagesOf(need).join(" ")} (Debian)${docker}, or set ${NEEDS[need]}`;
}
