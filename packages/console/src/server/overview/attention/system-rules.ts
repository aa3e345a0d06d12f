import { counted, type Rule } from "./snapshot.js";

export const brokerUnreachable: Rule = ({ broker }) =>
  broker.reachable
    ? []
    : [
        {
          id: "broker-unreachable",
          kind: "broker-unreachable",
          severity: "serious",
          title: "The broker does not answer",
          detail: `${broker.error ?? "No answer"}. Figures of queues are from before.`,
          link: "/settings/system",
          sinceMs: broker.since.getTime(),
        },
      ];

export const storeTrouble: Rule = ({ storeTrouble: trouble }) =>
  trouble === null
    ? []
    : [
        {
          id: "store-trouble",
          kind: "store-trouble",
          severity: "serious",
          title: "The console's store cannot be used",
          detail: `${trouble}. What is not written yet is kept in memory as long as there is room; queues are not touched by this.`,
          link: "/settings/system",
        },
      ];

/** Seconds that what is shown may be behind, and events that may wait. */
const MAX_LAG = 10;
const MAX_WAITING = 50_000;

export const ingestBehind: Rule = ({ ingest }) => {
  const { lag, waiting, leader } = ingest;
  if (!leader || ((lag ?? 0) <= MAX_LAG && waiting <= MAX_WAITING)) return [];
  const behind = lag === null ? "" : `What is shown is ${Math.round(lag)} s behind; `;
  return [
    {
      id: "ingest-behind",
      kind: "ingest-behind",
      severity: "warning",
      title: "The console does not keep up with the events",
      detail: `${behind}${counted(waiting, "event")} ${waiting === 1 ? "waits" : "wait"}.`,
      link: "/settings/system",
    },
  ];
};

/** Milliseconds for which a gap is worth a word. */
const GAP_MS = 3600_000;

export const eventsMissed: Rule = ({ ingest, nowMs }) => {
  const recent = ingest.gaps.filter(({ to }) => nowMs - Date.parse(to) < GAP_MS);
  const [last] = recent;
  const findings = [];
  if (last) {
    findings.push({
      id: "events-missed",
      kind: "events-missed" as const,
      severity: "warning" as const,
      title: "Events were missed",
      detail: `From ${last.from} to ${last.to}: ${last.reason}. States are made good from the results where there are any.`,
      link: "/settings/system",
      sinceMs: Date.parse(last.from),
    });
  }
  if (ingest.dropped > 0) {
    findings.push({
      id: "events-dropped",
      kind: "events-missed" as const,
      severity: "serious" as const,
      title: `${counted(ingest.dropped, "event")} could not be kept`,
      detail: "They came faster than the store could write them, or while it could not be written.",
      link: "/settings/system",
    });
  }
  return findings;
};
