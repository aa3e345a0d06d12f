import { counted, pageOf, type Rule } from "./snapshot.js";

/** Messages that nobody takes. A paused queue is left alone: somebody wanted that. */
export const noConsumer: Rule = ({ queues }) =>
  queues.flatMap(({ name, state, ready, consumers }) => {
    const waiting = ready.value ?? 0;
    // A figure with a reason is one from earlier.
    if (state !== "no-consumer" || consumers.value !== 0 || waiting === 0 || ready.reason !== undefined) return [];
    return [
      {
        id: `no-consumer:${name}`,
        kind: "no-consumer" as const,
        severity: "serious" as const,
        title: `${name} has ${counted(waiting, "message")} and no consumer`,
        detail: "No worker takes messages of this queue: start one for it, or add a consumer to one that runs.",
        link: pageOf("queues", name),
      },
    ];
  });

/** Minutes that must be known, messages that must have come in, and the share of what there was, before growth is worth a word. */
const GROWING_POINTS = 10;
const GROWN_BY = 10;
const GROWN_SHARE = 0.2;

/** A queue that has grown for ten minutes: it will not stop by itself. */
export const queueGrowing: Rule = ({ queues, depths }) =>
  queues.flatMap(({ name, state }) => {
    const grown = state === "running" ? growthOf(depths.get(name) ?? []) : undefined;
    if (!grown) return [];
    return [
      {
        id: `queue-growing:${name}`,
        kind: "queue-growing" as const,
        severity: "warning" as const,
        title: `${name} has grown for 10 minutes`,
        detail: `From ${grown.from} to ${grown.to} ready messages: its workers do not keep up.`,
        link: pageOf("queues", name),
      },
    ];
  });

/** Undefined when it did not grow all the time, or not enough to matter. */
export function growthOf(
  points: readonly (number | null)[],
): { readonly from: number; readonly to: number } | undefined {
  const known = points.slice(-GROWING_POINTS).flatMap((point) => point ?? []);
  const [from] = known;
  const to = known.at(-1);
  if (from === undefined || to === undefined || known.length < GROWING_POINTS) return undefined;
  const falls = known.filter((point, at) => at > 0 && point < (known[at - 1] ?? 0)).length;
  // One minute of catching up is no turn.
  if (falls > 1 || to - from < GROWN_BY || to < from * (1 + GROWN_SHARE)) return undefined;
  return { from, to };
}

/** More dead letters than ten minutes ago. */
export const deadLettersRising: Rule = ({ deadLetters }) => {
  const known = deadLetters.flatMap((point) => point ?? []);
  const [before] = known;
  const now = known.at(-1);
  if (before === undefined || now === undefined || now <= before) return [];
  return [
    {
      id: "dead-letters",
      kind: "dead-letters",
      severity: "warning",
      title: `${counted(now - before, "dead letter")} in 10 minutes`,
      detail: `There are ${now} now: messages that could not be run were put aside.`,
      link: "/dead-letters",
    },
  ];
};
