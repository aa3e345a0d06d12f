import { existsSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Lovage } from "lovage";
import { afterAll, beforeAll } from "vitest";
import type { Client } from "./client.js";
import { LovageClient } from "./lovage-client.js";
import type { SuiteProcess } from "./process.js";
import type { PythonClient } from "./python-client.js";
import { Stage, type Transport } from "./stage.js";

export const LOVAGE_NODE = "lovage@interop";
export const PYTHON_NODE = "python@interop";
/** Tasks at a time in each of the two workers. */
export const SLOTS = 2;

export type Language = "python" | "lovage";

/** One client and one worker of each language on one broker, shared by the cases of a file. */
export interface Pair {
  readonly stage: Stage;
  readonly transport: Transport;
  /** Python's client, with what only it can do. */
  readonly python: PythonClient;
  /** Lovage's app, in the test's process. */
  readonly app: Lovage;
  readonly clients: Readonly<Record<Language, Client>>;
  readonly workers: Readonly<Record<Language, SuiteProcess>>;
}

/** Starts a pair before the cases of this describe, and ends it after them. */
export function usePair(transport: Transport): () => Pair {
  let pair: Pair | undefined;
  let stage: Stage | undefined;
  beforeAll(async () => {
    stage = await Stage.open(transport);
    pair = await openPair(stage, transport);
  });
  afterAll(async () => await stage?.close());
  return () => {
    if (pair) return pair;
    throw new Error("the pair is not there yet");
  };
}

async function openPair(stage: Stage, transport: Transport): Promise<Pair> {
  const slots = String(SLOTS);
  const [python, lovageWorker, pythonWorker] = await Promise.all([
    stage.pythonClient(),
    stage.lovageWorker(LOVAGE_NODE, "-Q", "js,mixed", "-c", slots),
    stage.pythonWorker(PYTHON_NODE, "-Q", "py,mixed", "-c", slots),
  ]);
  const app = stage.app();
  return {
    stage,
    transport,
    python,
    app,
    clients: { python, lovage: new LovageClient(app) },
    workers: { python: pythonWorker, lovage: lovageWorker },
  };
}

/** The lines of a file that tasks write; none while it does not exist. */
export function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
}

/** The lines, once there are so many. Polls: other processes write the file. */
export async function untilLines(path: string, count: number, seconds = 20): Promise<readonly string[]> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const lines = linesOf(path);
    if (lines.length >= count) return lines;
    if (performance.now() > deadline)
      throw new Error(`${path} has ${lines.length} lines after ${seconds} s, not ${count}`);
    await wait(10);
  }
}
