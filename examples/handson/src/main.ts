import { parseArgs } from "node:util";
import { runProgram } from "./program.js";

const HELP = `Hands on: what a task queue changes about a slow request.

  npm start                    starts a worker and a page; open the address that is shown
  npm start -- --port 8080     on another port; 0 for any that is free

Exit codes: 0 ended by Ctrl-C, 1 it could not start, 2 the command line is wrong
`;
const WRONG_USAGE = 2;

interface CommandLine {
  readonly help: boolean;
  readonly port: number | undefined;
}

/** Throws when the command line is wrong. */
function readCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({ args: [...args], options: { help: { type: "boolean" }, port: { type: "string" } } });
  const { help = false, port } = values;
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    throw new Error(`--port ${port}: a port is a number from 0 to 65535`);
  }
  return { help, port: port === undefined ? undefined : Number(port) };
}

async function main(): Promise<number> {
  let commandLine: CommandLine;
  try {
    commandLine = readCommandLine(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`handson: ${messageOf(error)}\nnpm start -- --help  lists all options.\n`);
    return WRONG_USAGE;
  }
  if (commandLine.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => ending.abort());
  try {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    await runProgram({ port: commandLine.port, signal: ending.signal, say });
    return 0;
  } catch (error) {
    process.stderr.write(`handson: ${messageOf(error)}\n`);
    return 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
