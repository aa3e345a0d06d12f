import { BackendError, DecodeError } from "../errors.js";
import { decodeGroupMeta, decodeTaskMeta, type GroupMeta, type TaskMeta } from "../protocol/task-meta.js";

/** The meta in a stored text. Throws a `BackendError` that names the task when it is none: somebody else has written there. */
export function readStoredMeta(id: string, text: string): TaskMeta {
  return decoded(`the result of task ${id}`, () => decodeTaskMeta(text, id));
}

/** The group in a stored text. Throws a `BackendError` that names it when it is none. */
export function readStoredGroup(id: string, text: string): GroupMeta {
  return decoded(`the group ${id}`, () => ({ groupId: id, result: decodeGroupMeta(text).result }));
}

function decoded<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new BackendError(`what is stored as ${what} cannot be read: ${error.message}`, { cause: error });
  }
}
