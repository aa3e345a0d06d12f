import { setTimeout as wait } from "node:timers/promises";
import { Lovage } from "lovage";
import type { Fault } from "./faults.js";
import { Fleet, type WorkerProcess } from "./fleet.js";
import { drained, dropDeadLetters, left } from "./left.js";
import type { MatrixRow } from "./matrix.js";
import { Publisher } from "./publisher.js";
import type { ServerRig } from "./rig.js";
import type { Run } from "./runs.js";
import { TcpProxy } from "./tcp-proxy.js";
import { until } from "./until.js";

/** What is promised of a publish: it ends within this time. Shorter than the default so that faults outlast it. */
export const PUBLISH_TIMEOUT = 5;
const LEASE = 5;
const WORKERS = 2;
/** Seconds of ordinary work before the fault. */
const BEFORE = 2;
/** Seconds within which work should go on after a fault; measured a little further to say by how much it was missed. */
const RECOVERY_WATCHED = 30;
/** Seconds for everything confirmed to be done. */
const DRAIN = 40;
/** Seconds for a worker with nothing to do to end. */
const WARM_STOP = 10;

/** All that a trial found out; the test says what it should be. */
export interface TrialReport {
  readonly row: Omit<MatrixRow, "broker">;
  /** Ids of confirmed tasks that never ran. */
  readonly lost: readonly string[];
  /** Publishes that had not settled long after their deadline. */
  readonly hung: readonly string[];
  /** Refusals with an error that is not the broker's. */
  readonly untyped: readonly string[];
  /** What became of results that were waited for, other than the value. */
  readonly unsettled: readonly string[];
  /** Confirmed tasks whose result is not stored at the end. */
  readonly unstored: readonly string[];
  readonly dead: number;
  /** Exit codes of the workers at a warm shutdown; undefined for one that did not end. */
  readonly exits: readonly (number | undefined)[];
  /** The last of what the workers said, for whoever has to find out. */
  readonly said: string;
}

/** Two workers at work and a publisher; a fault strikes; then everything must come to its end. */
export async function runTrial(rig: ServerRig, fault: Fault, queue: string): Promise<TrialReport> {
  const { hostname: host, port } = new URL(rig.server.url);
  const proxy = await TcpProxy.start({ host, port: Number(port) });
  const brokerUrl = fault.route === "proxy" ? proxy.url(rig.url) : rig.url;
  const fleet = await Fleet.create({
    brokerUrl,
    resultBackend: rig.resultBackend(brokerUrl),
    env: { LOVAGE_BROKER_LEASE_SECONDS: String(LEASE), LOVAGE_TASK_DEFAULT_QUEUE: queue },
  });
  const app = new Lovage("faults", {
    brokerUrl,
    resultBackend: fleet.resultBackend,
    brokerLeaseSeconds: LEASE,
    taskDefaultQueue: queue,
    publishTimeout: PUBLISH_TIMEOUT,
    // What a publish itself comes to, rather than what a second one mends.
    taskPublishRetry: false,
  });
  try {
    const workers = Array.from({ length: WORKERS }, () => fleet.worker("--pool", "async", "--concurrency", "20"));
    await Promise.all(workers.map((worker) => worker.ready));
    return await observe({ rig, fault, queue, proxy, fleet, app, workers });
  } finally {
    await app.close();
    await fleet.dispose();
    await proxy.close();
  }
}

interface Scene {
  readonly rig: ServerRig;
  readonly fault: Fault;
  readonly queue: string;
  readonly proxy: TcpProxy;
  readonly fleet: Fleet;
  readonly app: Lovage;
  readonly workers: readonly WorkerProcess[];
}

async function observe(scene: Scene): Promise<TrialReport> {
  const { rig, fault, queue, proxy, fleet, app, workers } = scene;
  const publisher = new Publisher(app, {
    inFlight: 50,
    pauseMs: 100,
    taskMs: 5,
    watchEvery: 25,
    watchTimeout: RECOVERY_WATCHED + DRAIN,
  });
  publisher.start();
  await wait(BEFORE * 1000);
  await fault.strike(rig.server, proxy);
  const over = Date.now();
  const recovered = (): number | undefined => recovery(publisher, fleet.runs(), over);
  await until(() => recovered() !== undefined, RECOVERY_WATCHED, "a first task after the fault", 200).catch(
    () => undefined,
  );
  // Some more, so that one swallow does not make a summer.
  await wait(1000);
  const hung = await publisher.stop(PUBLISH_TIMEOUT + 2);

  // A fresh client, past the proxy: what is looked at must not depend on how well the first one recovered.
  const observer = new Lovage("faults", {
    brokerUrl: rig.url,
    resultBackend: fleet.resultBackend,
    taskDefaultQueue: queue,
  });
  try {
    const allRan = (): boolean => {
      const runs = fleet.runs();
      return publisher.confirmed.every(({ id }) => runs.has(id));
    };
    await until(allRan, DRAIN, "the last run", 200).catch(() => undefined);
    await drained(observer, rig, queue, DRAIN);
    const unsettled = await whatWentWrong(publisher);
    const unstored = await notStored(publisher, observer);
    // A worker gives back what it holds when it stops: only then does every broker show all that is left.
    const exits = await Promise.all(workers.map((worker) => worker.stop(WARM_STOP)));
    const { ready, unacked, scheduled, dead } = await left(observer, queue);
    await dropDeadLetters(observer);
    const runs = fleet.runs();
    const lost = publisher.confirmed.filter(({ id }) => !runs.has(id)).map(({ id }) => id);
    return {
      row: {
        fault: fault.name,
        sent: publisher.confirmed.length,
        refused: publisher.refused.length,
        done: publisher.confirmed.length - lost.length,
        duplicated: publisher.confirmed.filter(({ id }) => (runs.get(id)?.length ?? 0) > 1).length,
        lost: lost.length,
        stuck: ready + unacked + scheduled,
        recovery: recovered(),
        slowestPublish: Math.max(...publisher.attempts.map(({ seconds }) => seconds)),
      },
      lost,
      hung,
      untyped: publisher.untyped.map(({ refused }) => String(refused?.stack)),
      unsettled,
      unstored,
      dead,
      exits,
      said: workers.map((worker) => `${worker.name}:\n${remarkable(worker.output())}`).join("\n"),
    };
  } finally {
    await observer.close();
  }
}

/** What a worker said besides that tasks came and went. */
function remarkable(output: string): string {
  return output
    .split("\n")
    .filter((line) => !/"msg":"task .* (received|succeeded)/.test(line))
    .slice(-60)
    .join("\n");
}

/** Seconds from `over` until the first run of a task that was sent after it; undefined while there is none. */
function recovery(publisher: Publisher, runs: ReadonlyMap<string, readonly Run[]>, over: number): number | undefined {
  const firsts = publisher.confirmed
    .filter(({ at }) => at >= over)
    .flatMap(({ id }) => runs.get(id)?.[0]?.at ?? [])
    .map((at) => (at - over) / 1000);
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}

async function whatWentWrong(publisher: Publisher): Promise<string[]> {
  const wrong: string[] = [];
  for (const { id, outcome } of publisher.watched) {
    const ended = await outcome;
    if ("error" in ended) wrong.push(`${id}: ${String(ended.error)}`);
    else if (ended.value !== id) wrong.push(`${id}: ${JSON.stringify(ended.value)}`);
  }
  return wrong;
}

async function notStored(publisher: Publisher, observer: Lovage): Promise<string[]> {
  const missing: string[] = [];
  for (const { id, resultId } of publisher.confirmed) {
    if (resultId !== undefined && !(await observer.asyncResult(resultId).successful())) missing.push(id);
  }
  return missing;
}
