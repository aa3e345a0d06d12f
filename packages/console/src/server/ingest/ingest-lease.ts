import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { newId } from "lovage/internal";
import type { Database, Statement } from "../store/database.js";

/** Seconds without a sign of life after which another console takes the lease. */
export const LEASE_SECONDS = 10;

const STEPS = [
  `CREATE TABLE ingest_lease (
    name text PRIMARY KEY,
    owner text NOT NULL,
    beat bigint NOT NULL,
    heard_ms bigint NOT NULL
  )`,
];

/** What came of asking for the lease. `heardMs`: up to when the holder before had written all it heard; undefined for the first ever. */
export interface LeaseAnswer {
  readonly held: boolean;
  readonly heardMs: number | undefined;
}

export interface IngestLeaseOptions {
  readonly database: Database;
  /** Seconds on a clock that never jumps. */
  readonly monotonic?: () => number;
  /** Of this process; for tests. */
  readonly owner?: string;
  readonly isAlive?: (pid: number) => boolean;
}

/**
 * One console ingests at a time. The holder counts up `beat` in the lease's row; who stands by takes the lease when that has stood still
 * for ten seconds of its own monotonic clock, so that clocks that disagree do no harm. A holder whose process would be seen here, and is
 * gone, is not waited for: a console that was killed goes on at once when it is started again.
 */
export class IngestLease {
  readonly #database: Database;
  readonly #monotonic: () => number;
  readonly #owner: string;
  readonly #isAlive: (pid: number) => boolean;
  #seen: { readonly owner: string; readonly beat: number; readonly since: number } | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(options: IngestLeaseOptions) {
    this.#database = options.database;
    this.#monotonic = options.monotonic ?? (() => performance.now() / 1000);
    this.#owner = options.owner ?? `${process.pid}@${processSpace()}/${startedMs()}/${newId()}`;
    this.#isAlive = options.isAlive ?? isProcessAlive;
  }

  /** Brings its table. Idempotent. */
  async prepare(): Promise<void> {
    await this.#database.migrate("ingest lease", STEPS);
  }

  /** Whether the lease is surely still ours: what is older than this may have been taken by another. */
  get isFresh(): boolean {
    return this.#monotonic() - this.#renewedAt < LEASE_SECONDS * 0.7;
  }

  /** Gives a row while the lease is ours, and has whoever would take it wait until the transaction that it is in has ended. */
  get heldStill(): Statement {
    return {
      sql: "UPDATE ingest_lease SET owner = owner WHERE name = 'ingest' AND owner = ? RETURNING owner",
      values: [this.#owner],
    };
  }

  /** Takes the lease, or says that it is still ours. `heardMs`: up to when this console has written all it heard, once it holds it. */
  async ask(heardMs: number): Promise<LeaseAnswer> {
    const askedAt = this.#monotonic();
    const row = await this.#database.get({
      sql: "SELECT owner, beat, heard_ms FROM ingest_lease WHERE name = 'ingest'",
    });
    if (!row) return await this.#takeFirst(heardMs, askedAt);
    const owner = String(row.owner);
    const beat = Number(row.beat);
    const mine = owner === this.#owner;
    if (!mine && !this.#isAbandoned(owner, beat, askedAt)) return { held: false, heardMs: Number(row.heard_ms) };
    const [taken] = await this.#database.write([
      {
        sql: `UPDATE ingest_lease SET owner = ?, beat = beat + 1, heard_ms = ?
              WHERE name = 'ingest' AND owner = ? AND beat = ? RETURNING owner`,
        values: [this.#owner, mine ? heardMs : Number(row.heard_ms), owner, beat],
      },
    ]);
    const held = taken?.length === 1;
    if (held) this.#renewedAt = askedAt;
    return { held, heardMs: Number(row.heard_ms) };
  }

  /** Gives it up, so that another need not wait. */
  async release(heardMs: number): Promise<void> {
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    await this.#database.write([
      {
        sql: "UPDATE ingest_lease SET owner = '', beat = beat + 1, heard_ms = ? WHERE name = 'ingest' AND owner = ?",
        values: [heardMs, this.#owner],
      },
    ]);
  }

  async #takeFirst(heardMs: number, askedAt: number): Promise<LeaseAnswer> {
    const [taken] = await this.#database.write([
      {
        sql: `INSERT INTO ingest_lease (name, owner, beat, heard_ms) VALUES ('ingest', ?, 1, ?)
              ON CONFLICT (name) DO NOTHING RETURNING owner`,
        values: [this.#owner, heardMs],
      },
    ]);
    const held = taken?.length === 1;
    if (held) this.#renewedAt = askedAt;
    return { held, heardMs: undefined };
  }

  #isAbandoned(owner: string, beat: number, now: number): boolean {
    if (owner === "" || this.#isOfDeadProcess(owner)) return true;
    if (this.#seen?.owner !== owner || this.#seen.beat !== beat) this.#seen = { owner, beat, since: now };
    return now - this.#seen.since >= LEASE_SECONDS;
  }

  #isOfDeadProcess(owner: string): boolean {
    const match = /^(\d+)@(.+)\/(\d+)\/[^/]*$/.exec(owner);
    if (!match || match[2] !== processSpace()) return false;
    const pid = Number(match[1]);
    // An id may be given again; a neighbour in this very process has its start too.
    return pid === process.pid ? Number(match[3]) !== startedMs() : !this.#isAlive(pid);
  }
}

/**
 * Where ids of processes tell them apart, without a slash: this host, this boot of it and, as in containers that share their host's name,
 * this namespace. Sources: proc_sys_kernel(5), random/boot_id; pid_namespaces(7), /proc/pid/ns/pid. Elsewhere than on Linux the host's name.
 */
export function processSpace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${hostname()} ${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

function startedMs(): number {
  return Math.floor(performance.timeOrigin);
}

/** Signal 0 only asks. Not permitted means that it is there. */
function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
