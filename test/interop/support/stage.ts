import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Lovage, type LovageSettings } from "lovage";
import { describe, test } from "vitest";
import { SuiteProcess } from "./process.js";
import { PythonClient } from "./python-client.js";
import { type Claim, claimRedisDatabase, makeVhost } from "./servers.js";

const CLI = fileURLToPath(new URL("../../../packages/lovage/bin/lovage.js", import.meta.url));
const TASKS = fileURLToPath(new URL("../fixtures/tasks.mjs", import.meta.url));
const PYTHON_FOLDER = fileURLToPath(new URL("../python", import.meta.url));

/** Where messages and results go. */
export interface Transport {
  readonly name: string;
  readonly broker: "redis" | "amqp";
  readonly results: "redis" | "rpc";
}
export const TRANSPORTS = {
  redis: { name: "Redis", broker: "redis", results: "redis" },
  amqpWithRpc: { name: "RabbitMQ with results over rpc", broker: "amqp", results: "rpc" },
  amqpWithRedis: { name: "RabbitMQ with results in Redis", broker: "amqp", results: "redis" },
} as const satisfies Readonly<Record<string, Transport>>;

/** Queue definitions that both languages must agree on. */
const QUEUES = [
  { name: "js" },
  { name: "py" },
  { name: "mixed" },
  { name: "ranked", maxPriority: 9, priorityOrder: "celery" as const },
];
const ROUTES = { "js.*": "js", "py.*": "py", "mixed.*": "mixed" };

/** Settings that both workers and clients of Lovage have here. Celery 5.2 does not know typed values. */
const SETTINGS = {
  taskQueues: QUEUES,
  taskRoutes: ROUTES,
  taskDefaultQueue: "js",
  taskTypedValues: false,
} satisfies LovageSettings;

export interface StageOptions {
  /** `broker_transport_options` of all. */
  readonly transportOptions?: Readonly<Record<string, unknown>>;
  /** `brokerLeaseSeconds` of our workers. */
  readonly leaseSeconds?: number;
}

/** A broker and a result backend to themselves, and the clients and workers on them. `close` ends and removes everything. */
export class Stage {
  readonly folder: string;
  readonly brokerUrl: string;
  readonly resultBackend: string;
  readonly #python: string;
  readonly #claims: readonly Claim[];
  readonly #options: StageOptions;
  readonly #processes: SuiteProcess[] = [];
  readonly #clients: PythonClient[] = [];
  readonly #apps: Lovage[] = [];
  #files = 0;

  private constructor(
    place: { folder: string; python: string; claims: readonly Claim[]; brokerUrl: string; resultBackend: string },
    options: StageOptions,
  ) {
    this.folder = place.folder;
    this.brokerUrl = place.brokerUrl;
    this.resultBackend = place.resultBackend;
    this.#python = place.python;
    this.#claims = place.claims;
    this.#options = options;
  }

  static async open(transport: Transport, options: StageOptions = {}): Promise<Stage> {
    const { LOVAGE_TEST_PYTHON: python = "" } = process.env;
    const folder = await mkdtemp(join(tmpdir(), "lovage-interop-"));
    const redis = usesRedis(transport) ? await claimRedisDatabase(variable("LOVAGE_TEST_REDIS")) : undefined;
    const amqp =
      transport.broker === "amqp"
        ? await makeVhost(variable("LOVAGE_TEST_AMQP"), variable("LOVAGE_TEST_AMQP_MANAGEMENT"))
        : undefined;
    const claims = [redis, amqp].filter((claim) => claim !== undefined);
    const brokerUrl = (amqp ?? redis)?.url ?? "";
    const resultBackend = transport.results === "rpc" ? "rpc://" : (redis?.url ?? "");
    return new Stage({ folder, python, claims, brokerUrl, resultBackend }, options);
  }

  /** A Lovage client in this process. */
  app(settings: LovageSettings = {}): Lovage {
    const app = new Lovage("interop", {
      ...SETTINGS,
      brokerUrl: this.brokerUrl,
      resultBackend: this.resultBackend,
      brokerTransportOptions: this.#options.transportOptions ?? {},
      ...(this.#options.leaseSeconds !== undefined && { brokerLeaseSeconds: this.#options.leaseSeconds }),
      ...settings,
    });
    this.#apps.push(app);
    return app;
  }

  async pythonClient(): Promise<PythonClient> {
    const client = await PythonClient.start(this.#python, PYTHON_FOLDER, this.#pythonEnv());
    this.#clients.push(client);
    return client;
  }

  /** `celery worker`, ready. */
  async pythonWorker(name: string, ...options: readonly string[]): Promise<SuiteProcess> {
    return await this.celery(name, / ready\.$/, ["worker", "--hostname", name, "-l", "INFO", ...options]);
  }

  /** Celery's command line as a process of its own, once it has written what `readyWhen` says. */
  async celery(name: string, readyWhen: RegExp, args: readonly string[]): Promise<SuiteProcess> {
    const command = [this.#python, "-m", "celery", "-A", "app", ...args];
    return await this.#start(name, command, { env: this.#pythonEnv(), cwd: PYTHON_FOLDER, readyWhen });
  }

  /** `lovage worker`, ready. */
  async lovageWorker(name: string, ...options: readonly string[]): Promise<SuiteProcess> {
    const args = ["worker", "--app", TASKS, "--hostname", name, "--log-format", "text", ...options];
    return await this.#start(name, [process.execPath, CLI, ...args], { env: this.#lovageEnv(), readyWhen: /is ready/ });
  }

  /** Runs Lovage's command line to its end. `out` is its standard output, `all` that and its standard error. */
  async lovage(...args: readonly string[]): Promise<{ code: number | null; out: string; all: string }> {
    const env = this.#lovageEnv();
    const command = new SuiteProcess(args.join(" "), [process.execPath, CLI, "--app", TASKS, ...args], {
      env,
      readyWhen: /$^/,
    });
    this.#processes.push(command);
    await command.ended;
    return { code: command.child.exitCode, out: command.out.join("\n"), all: command.output };
  }

  /** The file that errbacks write to: their language and the id of the failed task. */
  get errbacks(): string {
    return join(this.folder, "errbacks");
  }

  /** The path of a file that does not exist yet. */
  path(): string {
    this.#files += 1;
    return join(this.folder, `file-${this.#files}`);
  }

  /** Ends all workers and commands. */
  async stopWorkers(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.stop()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.close()));
    await Promise.all(this.#clients.map((client) => client.stop()));
    await this.stopWorkers();
    await Promise.all(this.#claims.map((claim) => claim.release()));
    await rm(this.folder, { recursive: true, force: true });
  }

  async #start(
    name: string,
    command: readonly string[],
    options: { env: NodeJS.ProcessEnv; cwd?: string; readyWhen: RegExp },
  ): Promise<SuiteProcess> {
    const started = new SuiteProcess(name, command, options);
    this.#processes.push(started);
    return await started.ready();
  }

  #pythonEnv(): NodeJS.ProcessEnv {
    const { transportOptions } = this.#options;
    return {
      ...process.env,
      INTEROP_BROKER: this.brokerUrl,
      INTEROP_RESULTS: this.resultBackend,
      INTEROP_SETTINGS: JSON.stringify(transportOptions ? { broker_transport_options: transportOptions } : {}),
      INTEROP_ERRBACKS: this.errbacks,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
    };
  }

  #lovageEnv(): NodeJS.ProcessEnv {
    const { transportOptions = {}, leaseSeconds } = this.#options;
    return {
      ...process.env,
      INTEROP_ERRBACKS: this.errbacks,
      LOVAGE_BROKER_URL: this.brokerUrl,
      LOVAGE_RESULT_BACKEND: this.resultBackend,
      LOVAGE_BROKER_TRANSPORT_OPTIONS: JSON.stringify(transportOptions),
      ...(leaseSeconds !== undefined && { LOVAGE_BROKER_LEASE_SECONDS: String(leaseSeconds) }),
      LOVAGE_TASK_QUEUES: JSON.stringify(SETTINGS.taskQueues),
      LOVAGE_TASK_ROUTES: JSON.stringify(SETTINGS.taskRoutes),
      LOVAGE_TASK_DEFAULT_QUEUE: SETTINGS.taskDefaultQueue,
      LOVAGE_TASK_TYPED_VALUES: String(SETTINGS.taskTypedValues),
    };
  }
}

function usesRedis({ broker, results }: Transport): boolean {
  return broker === "redis" || results === "redis";
}

function variable(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set`);
}

/** Describes cases over a transport. Without Python's Celery or the servers they are skipped with the reason; in CI that is a failure. */
export function describeWithPython(name: string, transport: Transport, body: () => void): void {
  const title = `${name}, over ${transport.name}`;
  const missing = missingFor(transport);
  if (missing.length === 0) describe(title, body);
  else if (!process.env.CI) describe.skip(`${title} (${missing.join("; ")})`, () => undefined);
  else
    test(title, () => {
      throw new Error(`this needs ${missing.join("; ")}`);
    });
}

function missingFor(transport: Transport): readonly string[] {
  const needed = [
    "LOVAGE_TEST_PYTHON",
    ...(usesRedis(transport) ? ["LOVAGE_TEST_REDIS"] : []),
    ...(transport.broker === "amqp" ? ["LOVAGE_TEST_AMQP", "LOVAGE_TEST_AMQP_MANAGEMENT"] : []),
  ];
  return needed
    .filter((name) => !process.env[name])
    .map((name) => process.env[`${name}_MISSING`] ?? `${name} is not set`);
}
