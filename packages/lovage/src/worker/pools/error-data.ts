import {
  BackendConnectionError,
  BackendError,
  BrokerConnectionError,
  BrokerError,
  ConfigurationError,
  ContentDisallowed,
  DecodeError,
  EncodeError,
  type ErrorDetails,
  LeaseLostError,
  LovageError,
  MessageError,
  NotRegistered,
  TaskError,
  UnroutableError,
} from "../../errors.js";
import type { ErrorData } from "./messages.js";

/** Classes a gateway may reject with, so that `instanceof` and `catch` mean the same in a pool's child as in a client. */
const CLASSES: Readonly<Record<string, new (message: string, details: ErrorDetails) => Error>> = {
  BackendConnectionError,
  BackendError,
  BrokerConnectionError,
  BrokerError,
  ConfigurationError,
  ContentDisallowed,
  DecodeError,
  EncodeError,
  LeaseLostError,
  MessageError,
  NotRegistered,
  TaskError,
  UnroutableError,
};

/** `error` as data that crosses to another process or thread. */
export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), code: null, trace: String(error) };
  const code = error instanceof LovageError ? error.code : null;
  return { name: error.name, message: error.message, code, trace: traceOf(error) };
}

/** The error again, of its own class where that is one of ours. `LovageError.cause` carries the other side's trace. */
export function errorFrom(data: ErrorData): Error {
  const known = Object.hasOwn(CLASSES, data.name) ? CLASSES[data.name] : undefined;
  const cause = new Error(data.message);
  cause.stack = data.trace;
  if (known) return new known(data.message, { cause, ...(data.code === null ? {} : { code: data.code }) });
  const error = new Error(data.message, { cause });
  error.name = data.name;
  return error;
}

function traceOf(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\nCaused by: ${traceOf(error.cause)}` : own;
}
