import type { TaskMeta } from "../../src/protocol/task-meta.js";

/** When everything in these metas was done. */
export const DONE_AT = new Date("2026-01-01T12:00:00.123Z");

export function success(taskId: string, result: unknown = null): TaskMeta {
  return { taskId, status: "SUCCESS", result, traceback: null, children: [], dateDone: DONE_AT };
}

export function failure(taskId: string, message = "boom"): TaskMeta {
  const result = { exc_type: "ValueError", exc_message: [message], exc_module: "builtins" };
  return { taskId, status: "FAILURE", result, traceback: "Traceback: …", children: [], dateDone: DONE_AT };
}

/** In a state that is not the last one. */
export function passing(taskId: string, status: string, result: unknown = null): TaskMeta {
  return { taskId, status, result, traceback: null, children: [], dateDone: null };
}

/** In any state, with a result that fits it. */
export function metaIn(taskId: string, status: string, result: unknown = null): TaskMeta {
  if (status === "SUCCESS") return success(taskId, result);
  if (status === "FAILURE") return failure(taskId);
  if (status === "REVOKED") {
    const revoked = { exc_type: "TaskRevokedError", exc_message: ["revoked"], exc_module: "celery.exceptions" };
    return { ...failure(taskId), status, result: revoked, traceback: null, children: null };
  }
  const ready = status === "REJECTED" || status === "IGNORED";
  return { ...passing(taskId, status, result), ...(ready && { dateDone: DONE_AT }) };
}
