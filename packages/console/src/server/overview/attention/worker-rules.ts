import type { WorkerSummary } from "../../../api/workers.js";
import { counted, type Finding, pageOf, type Rule } from "./snapshot.js";

/** Heartbeats that do not come, without a goodbye. What the worker had is named with it. */
export const workerSilent: Rule = ({ workers, lost }) =>
  workers
    .filter(({ status }) => status === "silent")
    .map(({ name, lastHeartbeat, active }) => {
      const gone = lost.find(({ worker }) => worker === name);
      const tasks = gone
        ? `${gone.isMore ? "At least " : ""}${counted(gone.count, "task")} of it ${gone.count === 1 ? "is" : "are"} lost.`
        : `It was running ${counted(active ?? 0, "task")}.`;
      return {
        id: `worker-silent:${name}`,
        kind: "worker-silent" as const,
        severity: "serious" as const,
        title: `${name} is silent`,
        detail: `No heartbeat since ${lastHeartbeat ?? "its start"}. ${tasks}`,
        link: pageOf("workers", name),
        sinceMs: lastHeartbeat === null ? undefined : Date.parse(lastHeartbeat),
      };
    });

/** Tasks that began and that nobody runs. */
export const tasksLost: Rule = ({ lost }) =>
  lost.map(({ worker, count, isMore, sinceMs }) => ({
    id: `tasks-lost:${worker}`,
    kind: "tasks-lost" as const,
    severity: "serious" as const,
    title: `${isMore ? "At least " : ""}${counted(count, "task")} of ${worker} ${count === 1 ? "is" : "are"} lost`,
    detail: "They began there and are run by nobody: they come back by their broker, or can be run again from here.",
    link: `/tasks?state=LOST&worker=${encodeURIComponent(worker)}`,
    sinceMs,
  }));

/** What is not told is not shown. */
export const eventsOff: Rule = ({ workers }) => {
  const silent = online(workers).filter(({ events }) => events === false);
  if (silent.length === 0) return [];
  return [
    {
      id: "events-off",
      kind: "events-off",
      severity: "warning",
      title: `Events are off on ${counted(silent.length, "worker")}`,
      detail: `${namesOf(silent)}: what they run is not seen here.`,
      link: "/workers",
    },
  ];
};

/** Seconds beyond which times of a worker mislead: Celery itself warns at this. Source: celery-protocol 10.3. */
const MAX_SKEW = 16;

export const clockSkew: Rule = ({ workers }) =>
  online(workers).flatMap(({ name, clockSkew: skew }) => {
    if (skew === null || Math.abs(skew) <= MAX_SKEW) return [];
    const words = `${Math.round(Math.abs(skew))} s ${skew > 0 ? "ahead" : "behind"}`;
    return [
      {
        id: `clock-skew:${name}`,
        kind: "clock-skew" as const,
        severity: "warning" as const,
        title: `The clock of ${name} is ${words}`,
        detail: "Waits and runtimes that begin on one machine and end on another are wrong by that.",
        link: pageOf("workers", name),
      },
    ];
  });

/** Half a rollout, or a worker that was forgotten. */
export const twoVersions: Rule = ({ workers }) => {
  const findings: Finding[] = [];
  for (const kind of ["lovage", "celery"] as const) {
    const versions = new Map<string, WorkerSummary[]>();
    for (const worker of online(workers)) {
      if (worker.kind === kind && worker.version !== null)
        versions.set(worker.version, [...(versions.get(worker.version) ?? []), worker]);
    }
    if (versions.size < 2) continue;
    const sorted = [...versions].sort(([a], [b]) => (a < b ? -1 : 1));
    findings.push({
      id: `two-versions:${kind}`,
      kind: "two-versions",
      severity: "warning",
      title: `${kind === "lovage" ? "Lovage" : "Celery"} workers run ${versions.size} versions`,
      detail: sorted.map(([version, those]) => `${version}: ${namesOf(those)}`).join("; "),
      link: "/workers",
    });
  }
  return findings;
};

/** Milliseconds that a task may wait for a worker that is still starting. */
const STARTING_MS = 10_000;

/** Tasks that wait for a worker that knows them. */
export const taskUnregistered: Rule = ({ waiting, registered, workers, nowMs }) => {
  // Without workers nothing is registered, and something else is wrong.
  if (!registered || online(workers).length === 0) return [];
  return waiting
    .filter(({ name, sinceMs }) => !registered.has(name) && nowMs - sinceMs >= STARTING_MS)
    .map(({ name, count, isMore, sinceMs }) => ({
      id: `task-unregistered:${name}`,
      kind: "task-unregistered" as const,
      severity: "serious" as const,
      title: `No worker knows the task ${name}`,
      detail: `${isMore ? "At least " : ""}${counted(count, "task")} of this name ${count === 1 ? "waits" : "wait"}: start a worker whose app has it, or correct the name.`,
      link: `/tasks?name=${encodeURIComponent(name)}`,
      sinceMs,
    }));
};

function online(workers: readonly WorkerSummary[]): readonly WorkerSummary[] {
  return workers.filter(({ status }) => status === "online");
}

/** Up to three, and how many more. */
function namesOf(workers: readonly WorkerSummary[]): string {
  const names = workers.map(({ name }) => name);
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}
