import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

/** Whether a Redis of a test's own can be started here. */
export const canStartRedis = spawnSync("redis-server", ["--version"]).status === 0;

/** Whether certificates can be made here. */
export const canMakeCertificates = spawnSync("openssl", ["version"]).status === 0;

/** A certificate for `localhost` that is its own authority, and the key to it, as files. Gone when the test is over. */
export function givenCertificate(): { readonly certFile: string; readonly keyFile: string } {
  const folder = mkdtempSync(join(tmpdir(), "lovage-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  spawnSync("openssl", [...args, "-addext", "subjectAltName=DNS:localhost", "-keyout", keyFile, "-out", certFile]);
  return { certFile, keyFile };
}

/** A Redis of a test's own, to be set up wrongly, stopped and killed. Gone when the test is over. */
export class OwnRedis {
  readonly port: number;
  /** Where it keeps its files. */
  readonly folder = mkdtempSync(join(tmpdir(), "lovage-redis-"));
  readonly #args: readonly string[];
  /** A configuration, for one that cannot do without. */
  readonly #file: string | undefined;
  #child: ChildProcess | undefined;

  /** @param args as on redis-server's command line: `["--maxmemory", "2mb"]` */
  static async start(args: readonly string[] = [], { tls = false } = {}): Promise<OwnRedis> {
    const port = await freePort();
    const redis = new OwnRedis(port, tls ? [...args, "--port", "0", "--tls-port", String(port)] : args);
    onTestFinished(() => redis.#remove());
    await redis.start();
    return redis;
  }

  /** A sentinel that watches `mymaster`, and takes it for dead after half a second. */
  static async sentinel(masterPort: number): Promise<OwnRedis> {
    const folder = mkdtempSync(join(tmpdir(), "lovage-sentinel-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // Sentinels write into their configuration.
    const file = join(folder, "sentinel.conf");
    const lines = [
      `monitor mymaster 127.0.0.1 ${masterPort} 1`,
      "down-after-milliseconds mymaster 500",
      "failover-timeout mymaster 3000",
    ];
    writeFileSync(file, lines.map((line) => `sentinel ${line}\n`).join(""));
    const sentinel = new OwnRedis(await freePort(), ["--sentinel"], file);
    onTestFinished(() => sentinel.#remove());
    await sentinel.start();
    return sentinel;
  }

  private constructor(port: number, args: readonly string[], file?: string) {
    this.port = port;
    this.#args = args;
    this.#file = file;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  async start(): Promise<void> {
    const common = ["--port", String(this.port), "--dir", this.folder];
    const args = this.#file ? [this.#file, ...common, ...this.#args] : [...common, "--save", "", ...this.#args];
    const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child = child;
    for await (const line of createInterface(child.stdout))
      if (/Ready to accept connections|Sentinel ID/.test(line)) break;
    child.stdout.resume();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async #remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
