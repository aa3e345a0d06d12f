import { LOG_LEVELS, type LogLevel } from "../util/logger.js";
import { readCounters } from "./event-facts.js";
import type { EventFields, TaskReceived, WorkerVitals } from "./events.js";
import { type Fields, isFields, textOrNull } from "./read-fields.js";

/**
 * The fields of one event of a known type; undefined when the type is unknown, or when the event does not say which task it is
 * about. What else is missing or of a wrong type gets an empty value: monitors must be able to show what peers send.
 */
export function readEventFields(type: string, fields: Fields): EventFields | undefined {
  return type.startsWith("task-") ? readTaskEvent(type, fields) : readWorkerEvent(type, fields);
}

function readWorkerEvent(type: string, fields: Fields): EventFields | undefined {
  switch (type) {
    case "worker-online":
    case "worker-heartbeat":
    case "worker-offline":
      return { type, ...readVitals(fields) };
    case "worker-elect": {
      const { id, topic, action, cver } = fields;
      return { type, id: text(id), topic: text(topic), action: action ?? null, cver: number(cver) };
    }
    case "worker-elect-ack":
      return { type, id: text(fields.id) };
    default:
      return undefined;
  }
}

function readVitals(fields: Fields): Omit<WorkerVitals, "type"> {
  const { freq, active, processed, loadavg } = fields;
  return {
    freq: number(freq),
    ...(typeof active === "number" && { active }),
    ...(typeof processed === "number" && { processed }),
    ...(Array.isArray(loadavg) && { loadavg: loadavg.map(number) }),
    sw_ident: text(fields.sw_ident),
    sw_ver: text(fields.sw_ver),
    sw_sys: text(fields.sw_sys),
  };
}

function readTaskEvent(type: string, fields: Fields): EventFields | undefined {
  const uuid = textOrNull(fields.uuid);
  if (uuid === null) return undefined;
  switch (type) {
    case "task-sent": {
      const { queue, exchange, routing_key } = fields;
      const route = { queue: textOf(queue), exchange: textOf(exchange), routing_key: textOf(routing_key) };
      return { type, ...readFamily(uuid, fields), ...route };
    }
    case "task-received":
      return { type, ...readFamily(uuid, fields) };
    case "task-started":
    case "task-cancelled":
      return { type, uuid };
    case "task-succeeded":
      return { type, uuid, result: text(fields.result), runtime: number(fields.runtime) };
    case "task-failed":
    case "task-retried": {
      const { exception, traceback } = fields;
      return { type, uuid, exception: text(exception), ...(typeof traceback === "string" && { traceback }) };
    }
    case "task-revoked": {
      const { terminated, signum, expired } = fields;
      const signal = typeof signum === "number" || typeof signum === "string" ? signum : null;
      return { type, uuid, terminated: terminated === true, signum: signal, expired: expired === true };
    }
    case "task-rejected":
      return { type, uuid, requeue: fields.requeue === true };
    default:
      return readOurs(type, uuid, fields);
  }
}

function readOurs(type: string, uuid: string, fields: Fields): EventFields | undefined {
  const name = text(fields.name);
  switch (type) {
    case "task-log": {
      const { level, message, logger } = fields;
      const known = isLogLevel(level) ? level : "info";
      const extra = isFields(fields.fields) ? fields.fields : {};
      const from = typeof logger === "string" ? { logger } : {};
      return { type, uuid, name, level: known, message: text(message), fields: extra, ...from };
    }
    case "task-progress": {
      const { current, total, message } = fields;
      const known = typeof total === "number" && Number.isFinite(total) ? total : null;
      const counters = readCounters(fields.counters);
      return { type, uuid, name, current: number(current), total: known, message: textOf(message), counters };
    }
    default:
      return undefined;
  }
}

function readFamily(uuid: string, fields: Fields): Omit<TaskReceived, "type"> {
  return {
    uuid,
    name: text(fields.name),
    args: text(fields.args),
    kwargs: text(fields.kwargs),
    root_id: textOf(fields.root_id),
    parent_id: textOf(fields.parent_id),
    retries: number(fields.retries),
    eta: textOf(fields.eta),
    expires: textOf(fields.expires),
  };
}

const LEVELS: ReadonlySet<unknown> = new Set(LOG_LEVELS);
function isLogLevel(value: unknown): value is LogLevel {
  return LEVELS.has(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
