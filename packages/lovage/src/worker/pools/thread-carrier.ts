import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { type Carrier, type CarrierEvents, childEntry, runsFromSource } from "./carrier.js";
import { LineSplitter } from "./line-splitter.js";
import type { ParentMessage } from "./messages.js";

/** A thread of this process. Messages are cloned, not written as JSON: that costs the same and spares the body an escape. */
export function openThread(events: CarrierEvents): Carrier {
  return new ThreadCarrier(events);
}

class ThreadCarrier implements Carrier {
  readonly pid = process.pid;
  readonly threadId: number;
  readonly #worker: Worker;
  #error: Error | null = null;
  #gone = false;
  #outbox: ParentMessage[] = [];

  constructor(events: CarrierEvents) {
    this.#worker = new Worker(threadEntry(), { stdout: true, stderr: true });
    this.threadId = this.#worker.threadId;
    relay(this.#worker.stdout, (line) => events.onOutput("stdout", line));
    relay(this.#worker.stderr, (line) => events.onOutput("stderr", line));
    this.#worker.on("message", (value: unknown) => events.onMessage(value));
    this.#worker.on("messageerror", (error: Error) => events.onMessage(error));
    this.#worker.on("error", (error: unknown) => {
      this.#error = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on("exit", (exitCode) => {
      this.#gone = true;
      events.onExit({ exitCode, signal: null, error: this.#error });
    });
  }

  /** What is posted in one turn of the event loop travels together: a message costs as much to carry as ten. */
  post(message: ParentMessage): void {
    this.#outbox.push(message);
    if (this.#outbox.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const messages = this.#outbox;
    this.#outbox = [];
    if (!this.#gone) this.#worker.postMessage(messages);
  }

  kill(): void {
    void this.#worker.terminate();
  }
}

/** Node 20 does not heed `--import` in threads, so from source the entry is one that registers tsx first. */
function threadEntry(): URL {
  if (!runsFromSource()) return childEntry();
  const manifest = pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json"));
  const tsx = new URL("./dist/esm/api/index.mjs", manifest).href;
  const script = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(childEntry().href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`);
}

function relay(source: Readable, onLine: (line: string) => void): void {
  const lines = new LineSplitter(onLine);
  source.setEncoding("utf8");
  source.on("data", (chunk: string) => lines.push(chunk));
  source.on("end", () => lines.end());
}
