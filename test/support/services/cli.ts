import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  findSource,
  installMissing,
  packagesOf,
  prepareEnvironment,
  type TestEnvironment,
  titleOf,
} from "./environment.js";
import { canInstall } from "./install.js";
import { isNeed, NEEDS, type Need } from "./needs.js";
import { SERVER_KINDS } from "./server-type.js";

const HELP = `Servers and programs that Lovage's tests need.

  scripts/services check [kinds…]               what is there, and what would be done for the rest
  scripts/services start [kinds…]               starts servers, prints where they are, and keeps them until Ctrl-C
  scripts/services run [kinds…] -- command …    runs a command with them, and ends them after it
  scripts/services install [kinds…]             installs what is missing with apt-get, as root

  --optional      start and run go on without what cannot be had, and say so; not in CI (the variable CI)

Kinds: redis amqp postgres (the default of start and run), python (Python's Celery and Django), pgbouncer, chromium.

Where something is already, its variable says: ${Object.values(NEEDS).join(", ")}.
Else what is installed is started, on ports and in a folder of its own; else Debian's packages are installed (as root,
where there is apt-get); else servers are started with Docker. Tests do all this by themselves: this is for working by hand.
`;

const OPTIONAL = "--optional";

class UsageError extends Error {}

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = { check, start, run, install };

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const options = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  if (options.includes("--help") || options.includes("-h")) return print(HELP);
  try {
    if (name === undefined) throw new UsageError("no command given");
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new UsageError(`no command ${JSON.stringify(name)}`);
    return await command(rest);
  } catch (error) {
    if (!(error instanceof UsageError)) {
      say(error instanceof Error ? error.message : String(error));
      return 1;
    }
    const known = Object.keys(COMMANDS).join(", ");
    say(`${error.message} (commands: ${known}; kinds: ${Object.keys(NEEDS).join(", ")}; more with --help)`);
    return 2;
  }
}

async function check(args: readonly string[]): Promise<number> {
  const needs = parseNeeds(args, Object.keys(NEEDS));
  const lines = needs.map((need) => [need, titleOf(need), describeSource(need)]);
  const widths = [0, 1].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) console.log(line.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  "));
  return needs.some((need) => findSource(need).how === "missing") ? 1 : 0;
}

function describeSource(need: Need): string {
  const source = findSource(need);
  if (source.how === "given") return `given by ${NEEDS[need]}`;
  if (source.how === "installed") return source.where;
  const instead = source.how === "docker" ? "would be started with Docker" : "missing";
  return canInstall() ? `${instead}; would install ${packagesOf(need).join(" ")}` : `${instead}`;
}

async function start(args: readonly string[]): Promise<number> {
  const environment = await prepare(args);
  for (const [name, value] of Object.entries(environment.variables)) console.log(`export ${name}=${value}`);
  say("Ctrl-C ends them");
  await stopSignal();
  await environment.close();
  return 0;
}

async function run(args: readonly string[]): Promise<number> {
  const at = args.indexOf("--");
  const [file, ...rest] = at < 0 ? [] : args.slice(at + 1);
  if (file === undefined) throw new UsageError("run needs a command after --");
  const environment = await prepare(args.slice(0, at));
  try {
    const child = spawn(file, rest, { stdio: "inherit", env: { ...process.env, ...environment.variables } });
    // A terminal sends Ctrl-C to the command, too; the servers are to be there until it has ended.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
    const [code]: unknown[] = await once(child, "close");
    return typeof code === "number" ? code : 1;
  } finally {
    await environment.close();
  }
}

async function install(args: readonly string[]): Promise<number> {
  const needs = parseNeeds(args, Object.keys(NEEDS));
  await installMissing(needs, say);
  return check(needs);
}

/** Starts the servers that the arguments name, or all. What is missing is an error, unless it is optional. */
async function prepare(args: readonly string[]): Promise<TestEnvironment> {
  const needs = parseNeeds(
    args.filter((text) => text !== OPTIONAL),
    SERVER_KINDS,
  );
  const environment = await prepareEnvironment(needs, say);
  const missing = Object.entries(environment.variables).filter(([name]) => name.endsWith("_MISSING"));
  const reasons = missing.map(([, reason]) => reason);
  if (reasons.length > 0 && (process.env.CI || !args.includes(OPTIONAL))) {
    await environment.close();
    throw new Error(reasons.join("\n"));
  }
  for (const reason of reasons) say(`going on without: ${reason}`);
  return environment;
}

function parseNeeds(args: readonly string[], all: readonly string[]): Need[] {
  return (args.length > 0 ? args : all).map((text) => {
    if (text.startsWith("-")) throw new UsageError(`no option ${JSON.stringify(text)}`);
    if (!isNeed(text)) throw new UsageError(`no kind ${JSON.stringify(text)}`);
    return text;
  });
}

/** Resolves when somebody wants the program to end. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    // Servers do not keep their program alive by themselves.
    const alive = setInterval(() => {}, 2 ** 30);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        clearInterval(alive);
        resolve();
      });
    }
  });
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function say(line: string): void {
  console.error(`services: ${line}`);
}

process.exitCode = await main(process.argv.slice(2));
