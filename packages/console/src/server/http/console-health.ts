import type { Logger, Lovage } from "lovage";
import { maskUrls, type Service, sleep, withDeadline } from "lovage/internal";
import type { SystemInfo } from "../../api/operations.js";
import type { Health, QueueWatch } from "../parts.js";
import type { Database } from "../store/database.js";

const STORE_SECONDS = 3;
const BACKEND_SECONDS = 5;
const BACKEND_EVERY_SECONDS = 30;

const PROBE_TABLE = ["CREATE TABLE store_probe (name text PRIMARY KEY, at_ms bigint NOT NULL)"];

/** Whether the broker and the store can be reached: the broker as it was last sampled, the store by asking it. */
export class ConsoleHealth implements Health, Service {
  readonly #app: Lovage;
  readonly #queues: Pick<QueueWatch, "state" | "capabilities">;
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #ingests: () => boolean;
  readonly #stopping = new AbortController();
  #backendCapabilities: Readonly<Record<string, unknown>> = {};
  #looking: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #hasProbeTable = false;

  constructor(parts: {
    readonly app: Lovage;
    readonly queues: Pick<QueueWatch, "state" | "capabilities">;
    readonly database: Database;
    readonly logger: Logger;
    /** Whether this console writes what happens, all the time. */
    readonly ingests: () => boolean;
  }) {
    this.#ingests = parts.ingests;
    this.#app = parts.app;
    this.#queues = parts.queues;
    this.#database = parts.database;
    this.#logger = parts.logger;
  }

  get broker(): SystemInfo["broker"] {
    const { reachable, error } = this.#queues.state;
    return {
      url: maskUrls(this.#app.settings.brokerUrl),
      reachable,
      error: error === null ? null : maskUrls(error),
      capabilities: { ...this.#queues.capabilities },
    };
  }

  get backend(): SystemInfo["backend"] {
    const url = this.#app.settings.resultBackend;
    return { url: url === null ? null : maskUrls(url), capabilities: { ...this.#backendCapabilities } };
  }

  /** Begins to ask the result backend what it can do; waits for no server. */
  start(): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#looking ??= this.#lookAtBackend();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
    await this.#writing?.catch(() => undefined);
  }

  async #lookAtBackend(): Promise<void> {
    const { signal } = this.#stopping;
    if (this.#app.settings.resultBackend === null) return;
    while (!signal.aborted) {
      try {
        const late = (): Error => new Error(`the result backend did not answer within ${BACKEND_SECONDS} s`);
        const backend = await withDeadline(this.#app.direct.backend(), BACKEND_SECONDS, late);
        this.#backendCapabilities = { ...backend.capabilities };
        return;
      } catch (error) {
        this.#logger.debug("the result backend cannot be reached yet", { error: String(error) });
      }
      await sleep(BACKEND_EVERY_SECONDS, signal).catch(() => undefined);
    }
  }

  async check(): Promise<{ readonly store: string | null; readonly broker: string | null }> {
    const { reachable, error } = this.#queues.state;
    return { store: await this.#storeTrouble(), broker: reachable ? null : (error ?? "the broker cannot be reached") };
  }

  async #storeTrouble(): Promise<string | null> {
    try {
      const late = (): Error => new Error(`the store did not answer within ${STORE_SECONDS} s`);
      await withDeadline(this.#database.get({ sql: "SELECT 1 AS here" }), STORE_SECONDS, late);
      // One that is locked or full is still read; how its last write went, it remembers itself. What is ingested is written again and
      // again, and a row may still fit where that does not. Who stands by meanwhile may write nothing for long: so it is tried.
      const { trouble } = this.#database;
      if (trouble === null) return null;
      if (this.#ingests()) return maskUrls(trouble);
      await withDeadline(this.#tryWriting(), STORE_SECONDS, () => new Error(trouble));
      return null;
    } catch (error) {
      return maskUrls(error instanceof Error ? error.message : String(error));
    }
  }

  /** Writes a row, for who asks while that is under way: a transaction that changes nothing succeeds on a full disk too. */
  #tryWriting(): Promise<void> {
    this.#writing ??= this.#writeProbe().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeProbe(): Promise<void> {
    if (!this.#hasProbeTable) await this.#database.migrate("health", PROBE_TABLE);
    this.#hasProbeTable = true;
    await this.#database.write([
      {
        sql: `INSERT INTO store_probe (name, at_ms) VALUES ('health', ?)
              ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms`,
        values: [Date.now()],
      },
    ]);
  }
}
