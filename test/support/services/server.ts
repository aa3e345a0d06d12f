import { chown, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { answers, HTTP_GREETING } from "./answers.js";
import { containerCleanUp, containerProcess, createContainer, isDockerThere } from "./docker.js";
import { Keeper, type Kept } from "./keeper.js";
import { SERVER_TYPES } from "./kinds.js";
import { NEEDS } from "./needs.js";
import { freePort } from "./ports.js";
import { accountFor } from "./programs.js";
import type { Ports, ServerKind, ServerOptions, ServerType, Site } from "./server-type.js";

/** RabbitMQ takes 5 seconds on a machine that does nothing else; a loaded one is given time. */
const READY_MS = 120_000;
const LOOK_MS = 25;

/**
 * A server of its own, on ports and in a folder of its own, for one who stops or kills it. It ends, and its folder with it,
 * at the latest when this process does, however that goes.
 */
export interface TestServer {
  readonly kind: ServerKind;
  /** With user and password where there are any; without a database (Redis) or virtual host (RabbitMQ). */
  readonly url: string;
  /** RabbitMQ's management API. */
  readonly managementUrl: string | undefined;
  readonly port: number;
  /** The file with what the server prints. */
  readonly log: string;
  /** Starts it again, on its port and data. Resolves when it serves. */
  start(): Promise<void>;
  /** Stops it as its operator would; after 30 seconds, as `kill`. Resolves when all its processes are gone. */
  stop(): Promise<void>;
  /** Kills all its processes (SIGKILL). Resolves when they are gone. */
  kill(): Promise<void>;
  /** Ends it and removes its data. Idempotent. */
  remove(): Promise<void>;
}

/** The server's programs are not installed, nor is Docker there. The message says what to install. */
export class ServerMissingError extends Error {
  override readonly name = "ServerMissingError";
}

/** Why a server of the kind cannot be started here, in one line, or undefined when it can. */
export function whyNoServer(kind: ServerKind): string | undefined {
  const type = SERVER_TYPES[kind];
  if (type.findPrograms() ?? isDockerThere()) return undefined;
  return `${type.title} is not installed, nor is Docker: \`scripts/services install ${kind}\` as root on Debian, or give ${NEEDS[kind]}`;
}

/**
 * Starts a server, from what is installed, else with Docker. Resolves when it serves.
 *
 * - `durable`: whether what it has confirmed outlives a power cut. @default true
 * - `settings`: of the server's own, by its own names, in its own form.
 * @throws ServerMissingError when there is neither; an Error with the end of the server's log when it does not start.
 */
export async function startServer(kind: ServerKind, options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const type = SERVER_TYPES[kind];
  const all: ServerOptions = { durable: true, settings: {}, ...options };
  const keeper = new Keeper();
  try {
    const site = await makeSite(type);
    const server = new KeptServer(type, keeper, site);
    await keeper.keep(await (type.findPrograms() ? localServer(type, site, all) : container(type, site, all)));
    await server.start();
    return server;
  } catch (error) {
    await keeper.end();
    throw error;
  }
}

class KeptServer implements TestServer {
  readonly kind: ServerKind;
  readonly url: string;
  readonly managementUrl: string | undefined;
  readonly port: number;
  readonly log: string;
  readonly #type: ServerType;
  readonly #keeper: Keeper;
  readonly #ports: Ports;

  constructor(type: ServerType, keeper: Keeper, { folder, ports }: Site) {
    this.kind = type.kind;
    this.url = type.url(ports.main);
    this.managementUrl = type.managementUrl?.(ports.management);
    this.port = ports.main;
    this.log = logIn(folder);
    this.#type = type;
    this.#keeper = keeper;
    this.#ports = ports;
  }

  async start(): Promise<void> {
    let ended: string | undefined;
    const stopListening = this.#keeper.onExit((how) => {
      ended = how;
    });
    try {
      await this.#keeper.start();
      const deadline = performance.now() + READY_MS;
      while (!(await this.#serves())) {
        if (ended !== undefined) throw await this.#failure(ended);
        if (performance.now() > deadline) throw await this.#failure(`no answer in ${READY_MS / 1000} s`);
        // Servers announce nothing that all of them would: ask again.
        await wait(LOOK_MS);
      }
    } finally {
      stopListening();
    }
  }

  stop(): Promise<void> {
    return this.#keeper.halt("stop");
  }

  kill(): Promise<void> {
    return this.#keeper.halt("kill");
  }

  remove(): Promise<void> {
    return this.#keeper.end();
  }

  async #serves(): Promise<boolean> {
    if (!(await answers(this.#ports.main, this.#type.greeting))) return false;
    return this.managementUrl === undefined || (await answers(this.#ports.management, HTTP_GREETING));
  }

  async #failure(how: string): Promise<Error> {
    const log = await readFile(this.log, "utf8").catch(() => "");
    const end = log.trim().split("\n").slice(-20).join("\n");
    return new Error(`${this.#type.title} did not start: ${how}${end === "" ? "" : `\n${end}`}`);
  }
}

async function makeSite(type: ServerType): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), `lovage-${type.kind}-`));
  const account = accountFor(type.account);
  if (account) await chown(folder, account.uid, account.gid);
  const [main, management, one, other] = [await freePort(), await freePort(), await freePort(), await freePort()];
  return { folder, account, ports: { main, management, inner: [one, other] } };
}

async function localServer(type: ServerType, site: Site, options: ServerOptions): Promise<Kept> {
  const programs = type.findPrograms() ?? {};
  await type.prepare(programs, site, options);
  return {
    folder: site.folder,
    log: logIn(site.folder),
    processes: type.processes(programs, site, options),
    cleanUp: [],
  };
}

async function container(type: ServerType, { folder, ports }: Site, options: ServerOptions): Promise<Kept> {
  const missing = whyNoServer(type.kind);
  if (missing !== undefined) throw new ServerMissingError(missing);
  const name = basename(folder);
  createContainer(type, name, ports, options);
  return { folder, log: logIn(folder), processes: [containerProcess(name)], cleanUp: [containerCleanUp(name)] };
}

function logIn(folder: string): string {
  return join(folder, "server.log");
}
