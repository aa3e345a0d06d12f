import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./django_results.py", import.meta.url));

/** A Python with Django on a schema of a test's own; django_results.py says what it can do. */
export class DjangoProcess {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #errors = "";

  constructor(python: string, databaseUrl: string, schema: string) {
    this.#child = spawn(python, [PROGRAM, databaseUrl, schema], { stdio: ["pipe", "pipe", "pipe"] });
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error("it was started with pipes");
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
  }

  /** One command after the other. Rejects with Python's error. */
  async ask(...command: readonly unknown[]): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`Python ended: ${this.#errors}`);
    const answer: unknown = JSON.parse(String(value));
    if (typeof answer === "object" && answer !== null && "ok" in answer) return answer.ok;
    throw new Error(`${String(command[0])}: ${String(value)}`);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}
