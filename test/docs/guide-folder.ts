import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type CodeBlock, REPOSITORY } from "./markdown.js";

/** What a reader of the guides has installed, in folders of `node_modules`. */
const INSTALLED = ["lovage", "@lovage/console", "zod", "tsx", "typescript", "@types/node"];
/** Commands of the guides that set up the reader's machine: .ci/run and the package test do the same in their own way. */
const SET_UP = /^(git|cd|mkdir|npm) /;
/** Commands that go on until they are stopped. */
const LASTING = /^lovage (?:worker|console)\b/;
/** A console that is told no port; the usual one may be in use on the machine of the test. */
const ON_USUAL_PORT = /^lovage console\b(?!.*--port)/;
const DEADLINE_MS = 30_000;

/** The project folder of somebody who follows a guide: makes its files and runs its commands. */
export class GuideFolder {
  readonly path = mkdtempSync(join(tmpdir(), "lovage-guide-"));
  readonly #lasting: RunningCommand[] = [];
  #hasCode = false;
  /** Of the files as they are; undefined while they have not been looked at. */
  #typeErrors: string | undefined;

  readonly #env: Readonly<Record<string, string>>;

  /** @param options.installs packages that the guide has its reader install besides @param options.env variables it has them set */
  constructor(
    options: { readonly installs?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    const { installs = [], env = {} } = options;
    this.#env = env;
    for (const name of [...INSTALLED, ...installs])
      link(join(REPOSITORY, "node_modules", name), join(this.path, "node_modules", name));
    link(join(REPOSITORY, "packages/lovage/bin/lovage.js"), join(this.path, "node_modules/.bin/lovage"));
    link(join(REPOSITORY, "node_modules/.bin/tsx"), join(this.path, "node_modules/.bin/tsx"));
    this.write("package.json", JSON.stringify({ name: "shop", private: true, type: "module" }));
    this.write("tsconfig.json", JSON.stringify({ compilerOptions: READERS_COMPILER_OPTIONS }));
  }

  write(file: string, text: string): void {
    this.#hasCode ||= file.endsWith(".ts");
    this.#typeErrors = undefined;
    writeFileSync(join(this.path, file), text);
  }

  /** What the compiler says of the folder's files; empty when it is content. */
  typeErrors(): string {
    if (!this.#hasCode) return "";
    const tsc = join(REPOSITORY, "node_modules/typescript/bin/tsc");
    // Takes seconds, and says the same until a file changes.
    this.#typeErrors ??= spawnSync(process.execPath, [tsc, "--project", this.path], {
      encoding: "utf8",
      cwd: this.path,
    }).stdout;
    return this.#typeErrors;
  }

  /** Runs a block's commands one after another; `expected` lines (`…` stands for anything) must appear in their output. */
  async run(block: CodeBlock, expected: readonly string[]): Promise<void> {
    const commands = block.text
      .split("\n")
      .map((line) => line.replace(/\s+#.*$/, "").trim())
      .filter((line) => line !== "" && !line.startsWith("#") && !SET_UP.test(line));
    const outputs: RunningCommand[] = [];
    for (const line of commands) outputs.push(await this.#start(line));
    for (const text of expected) await waitForLine(outputs, text);
  }

  /** Stops the workers and consoles the guide started, and returns how each ended: 0 when it stopped as it should. */
  async stop(): Promise<(number | null)[]> {
    const codes = await Promise.all(this.#lasting.map((command) => command.stop()));
    rmSync(this.path, { recursive: true, force: true });
    return codes;
  }

  async #start(line: string): Promise<RunningCommand> {
    if (!/^(npx|node) /.test(line))
      throw new Error(`${line}: the test does not know this command, so it would go unchecked`);
    const asked = line.replace(/^npx /, "");
    const command = ON_USUAL_PORT.test(asked) ? `${asked} --port 0` : asked;
    const kind = LASTING.exec(command)?.[0];
    // Starting a worker anew means that the one before was ended, as the reader was told to.
    if (kind !== undefined) {
      await Promise.all(this.#lasting.filter((before) => before.line.startsWith(kind)).map((before) => before.stop()));
    }
    const running = new RunningCommand(command, this.path, this.#env);
    if (kind !== undefined) this.#lasting.push(running);
    else await running.succeeded();
    return running;
  }
}

const READERS_COMPILER_OPTIONS = {
  strict: true,
  noEmit: true,
  target: "ES2023",
  lib: ["ES2023"],
  module: "NodeNext",
  types: ["node"],
  skipLibCheck: false,
};

/** A command of a guide, and all it has said so far. */
class RunningCommand {
  readonly line: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #output = "";
  #heard: () => void = () => undefined;

  constructor(line: string, cwd: string, variables: Readonly<Record<string, string>>) {
    this.line = line;
    const path = [join(cwd, "node_modules/.bin"), dirname(process.execPath), process.env.PATH].join(delimiter);
    this.#child = spawn("sh", ["-c", `exec ${line}`], {
      cwd,
      env: { ...process.env, ...variables, PATH: path, NO_COLOR: "1" },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#heard();
      });
    }
    this.#exit = new Promise((resolve) => {
      this.#child.once("close", (code) => {
        resolve(code);
        this.#heard();
      });
    });
  }

  get output(): string {
    return this.#output;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when the command ended well; rejects with its output when it did not. */
  async succeeded(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
    const code = await this.#exit;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`${this.line} ended with ${code ?? "a signal"}:\n${this.#output}`);
  }

  /** Resolves at the next output, or the end, or after the deadline. */
  async nextNews(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DEADLINE_MS);
      this.#heard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
    const code = await this.#exit;
    clearTimeout(timer);
    return code;
  }
}

async function waitForLine(commands: readonly RunningCommand[], expected: string): Promise<void> {
  const pattern = new RegExp(expected.trim().split("…").map(literally).join(".*"));
  const seen = (): boolean => commands.some(({ output }) => pattern.test(output));
  const deadline = Date.now() + DEADLINE_MS;
  while (!seen()) {
    if (Date.now() > deadline || commands.every(({ ended }) => ended)) {
      throw new Error(
        `the guide promises "${expected}"; there was\n${commands.map(({ output }) => output).join("\n")}`,
      );
    }
    await Promise.race(commands.filter(({ ended }) => !ended).map((command) => command.nextNews()));
  }
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
