import { parseFields } from "../store/stored-json.js";
import type { StoredEvent, TaskRecord } from "../store/task-record.js";
import { isObject } from "./exact-json.js";

/** Events that tell what follows on a task, where they are ours. */
const TELLING: ReadonlySet<string> = new Set(["task-sent", "task-received"]);

/**
 * Why a task must not be sent again in its place without its message, which alone names what follows on it: the rest of its chain, the
 * body of its chord, its callbacks. Our own events say whether there is such a thing; where they do not, it is told by its place in the
 * family. Null when nothing would be left out, as far as can be known: the first step of a Python chain looks like any other task.
 */
export function lossWithoutMessage(record: TaskRecord, events: readonly StoredEvent[]): string | null {
  const follows = toldBy(events);
  if (follows) return follows.length === 0 ? null : gone(`${wordsFor(follows)} would not run`);
  if (record.groupId !== null) return gone("it is one of a group, and nobody could count it there");
  return record.parentId !== null ? gone("it may be a step of a chain, whose rest would not run") : null;
}

function toldBy(events: readonly StoredEvent[]): readonly string[] | undefined {
  for (const { type, fieldsJson } of [...events].reverse()) {
    if (!TELLING.has(type)) continue;
    const { lovage } = parseFields(fieldsJson);
    const follows = isObject(lovage) ? lovage.follows : undefined;
    if (Array.isArray(follows)) return follows.filter((each) => typeof each === "string");
  }
  return undefined;
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ["chain", "the rest of its chain"],
  ["chord", "the body of its chord"],
  ["callbacks", "its callbacks"],
]);

function wordsFor(follows: readonly string[]): string {
  return follows.map((each) => WORDS.get(each) ?? "what follows on it").join(" and ");
}

function gone(consequence: string): string {
  return `its message is gone, and ${consequence}: re-run it`;
}
