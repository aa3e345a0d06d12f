import { DecodeError } from "../errors.js";
import { readArray, readText } from "./read-fields.js";
import type { ResultTuple } from "./task-meta.js";

/** Results as data. Source: celery-protocol 5.4. */

/** Deeper than any chain: data that nests further is not ours, and could exhaust the stack. */
const MAX_DEPTH = 512;

/** The handle of a task: `[[id, parent], null]`. */
export function resultTuple(id: string, parent: ResultTuple | null = null): ResultTuple {
  return [[id, parent], null];
}

/** The handle of a group: `[[id, parent], [member, …]]`. */
export function groupTuple(
  id: string,
  members: readonly ResultTuple[],
  parent: ResultTuple | null = null,
): ResultTuple {
  return [[id, parent], members];
}

/** Reads a handle. Throws a `DecodeError`. */
export function parseResultTuple(value: unknown): ResultTuple {
  return tupleAt(value, 0);
}

/** Ids of the tasks behind a handle: its own, or a group's members'. */
export function taskIdsOf([[id], members]: ResultTuple): string[] {
  return members ? members.flatMap(taskIdsOf) : [id];
}

function tupleAt(value: unknown, depth: number): ResultTuple {
  if (depth > MAX_DEPTH) throw new DecodeError(`a result tuple is nested deeper than ${MAX_DEPTH} levels`);
  const [head, members] = readArray(value, "a result tuple");
  const [id, parent] = readArray(head, "a result tuple's first element");
  return [
    [readText(id, "a result tuple's id"), parent === null || parent === undefined ? null : tupleAt(parent, depth + 1)],
    members === null || members === undefined
      ? null
      : readArray(members, "a result tuple's members").map((member) => tupleAt(member, depth + 1)),
  ];
}
