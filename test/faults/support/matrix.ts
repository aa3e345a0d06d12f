import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

/** What one fault did to one broker's tasks. */
export interface MatrixRow {
  readonly broker: string;
  readonly fault: string;
  /** Publishes that the broker confirmed. */
  readonly sent: number;
  /** Publishes that ended in an error: the caller knows that they may not run. */
  readonly refused: number;
  /** Confirmed tasks that ran. */
  readonly done: number;
  /** Confirmed tasks that ran more than once. */
  readonly duplicated: number;
  /** Confirmed tasks that never ran and are nowhere. */
  readonly lost: number;
  /** Messages in the queue, in whatever state, when everything should be done. */
  readonly stuck: number;
  /** Seconds from the end of the fault until a task that was sent after it had run; of a killed worker until what it had not acknowledged ran again. Undefined: never. */
  readonly recovery: number | undefined;
  /** Seconds of the slowest publish. */
  readonly slowestPublish: number | undefined;
}

/** The rows of one broker, and what they were measured with. */
export interface BrokerRows {
  readonly broker: string;
  /** The server, with its version and what makes it durable. */
  readonly server: string;
  /** ISO date of the run. */
  readonly date: string;
  readonly machine: string;
  readonly rows: readonly MatrixRow[];
}

const RESULTS = fileURLToPath(new URL("../results.json", import.meta.url));

/**
 * Collects the rows of one broker and prints them. With LOVAGE_WRITE_RELIABILITY=1 they also replace that broker's in
 * test/faults/results.json, from which scripts/write-reliability-page.mjs makes a part of docs/reliability.md.
 */
export class Matrix {
  readonly #broker: string;
  readonly #rows: MatrixRow[] = [];

  constructor(broker: string) {
    this.#broker = broker;
  }

  add(row: Omit<MatrixRow, "broker">): void {
    this.#rows.push({ broker: this.#broker, ...row });
    console.info(this.#line({ broker: this.#broker, ...row }));
  }

  finish(server: string): void {
    if (this.#rows.length === 0) return;
    console.info([`${this.#broker}: ${server}`, ...this.#rows.map((row) => this.#line(row))].join("\n"));
    if (process.env.LOVAGE_WRITE_RELIABILITY !== "1") return;
    const mine: BrokerRows = {
      broker: this.#broker,
      server,
      date: new Date().toISOString().slice(0, 10),
      machine: `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} cores`,
      rows: this.#rows,
    };
    const known: BrokerRows[] = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : [];
    const all = [...known.filter(({ broker }) => broker !== this.#broker), mine];
    writeFileSync(RESULTS, `${JSON.stringify(all, null, 2)}\n`);
  }

  #line(row: MatrixRow): string {
    const { sent, refused, done, duplicated, lost, stuck, recovery, slowestPublish } = row;
    const publish = slowestPublish === undefined ? "" : `, slowest publish ${slowestPublish.toFixed(1)} s`;
    return (
      `${row.broker.padEnd(8)} | ${row.fault.padEnd(28)} | sent ${sent}, refused ${refused}, done ${done}, duplicated ${duplicated}, ` +
      `lost ${lost}, stuck ${stuck}, ${recovery === undefined ? "never recovered" : `recovered in ${recovery.toFixed(1)} s`}${publish}`
    );
  }
}
