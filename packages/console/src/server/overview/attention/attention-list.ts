import type { AttentionItem } from "../../../api/operations.js";
import { deadLettersRising, noConsumer, queueGrowing } from "./queue-rules.js";
import type { Finding, Rule, Snapshot } from "./snapshot.js";
import { brokerUnreachable, eventsMissed, ingestBehind, storeTrouble } from "./system-rules.js";
import { clockSkew, eventsOff, tasksLost, taskUnregistered, twoVersions, workerSilent } from "./worker-rules.js";

/** In the order in which people should read them. */
export const RULES: readonly Rule[] = [
  brokerUnreachable,
  storeTrouble,
  workerSilent,
  tasksLost,
  noConsumer,
  taskUnregistered,
  deadLettersRising,
  queueGrowing,
  eventsOff,
  clockSkew,
  twoVersions,
  ingestBehind,
  eventsMissed,
];

/** Items that are listed: a page with more of them helps nobody. */
const MAX_ITEMS = 100;
const MAX_TEXT = 500;

/** What needs a person, and since when each did. */
export class AttentionList {
  #items: readonly AttentionItem[] = [];

  get items(): readonly AttentionItem[] {
    return this.#items;
  }

  /** Looks again; returns whether the list has changed. */
  update(snapshot: Snapshot): boolean {
    const before = new Map(this.#items.map((item) => [item.id, item]));
    const found = RULES.flatMap((rule) => rule(snapshot));
    const ordered = [...found.filter(isSerious), ...found.filter((finding) => !isSerious(finding))].slice(0, MAX_ITEMS);
    const items = ordered.map((finding) =>
      itemOf(finding, before.get(finding.id)?.since ?? new Date(snapshot.nowMs).toISOString()),
    );
    const changed = JSON.stringify(items) !== JSON.stringify(this.#items);
    this.#items = items;
    return changed;
  }
}

function isSerious({ severity }: Finding): boolean {
  return severity === "serious";
}

function itemOf({ sinceMs, ...finding }: Finding, first: string): AttentionItem {
  const known = sinceMs !== undefined && Number.isFinite(sinceMs);
  return {
    ...finding,
    title: finding.title.slice(0, MAX_TEXT),
    detail: finding.detail.slice(0, MAX_TEXT),
    since: known ? new Date(sinceMs).toISOString() : first,
  };
}
