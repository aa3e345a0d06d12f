import { STATUS_CODES } from "node:http";
import {
  BackendConnectionError,
  BackendError,
  BrokerConnectionError,
  BrokerError,
  ConfigurationError,
  EncodeError,
  type Logger,
  LovageError,
  NotRegistered,
  ResultTimeoutError,
  ValidationError,
} from "lovage";
import { maskUrls, newId } from "lovage/internal";
import type { Problem } from "../../api/common.js";
import { ApiError } from "../route.js";
import { SearchError } from "../store/search-language.js";
import { StoreError } from "../store/store-error.js";
import { TaskListError } from "../store/task-order.js";

/** Any error as the refusal a client gets. What is none of ours is logged under a reference, and only that is told. */
export function refusalOf(error: unknown, logger: Logger): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ValidationError) {
    return new ApiError(400, error.code, maskUrls(error.message), { errors: error.issues, cause: error });
  }
  const status = statusOf(error);
  if (status !== undefined && error instanceof LovageError) {
    return new ApiError(status, error.code, maskUrls(error.message), { ...positionOf(error), cause: error });
  }
  const reference = newId();
  logger.error("a request failed for a reason that the console does not know", { reference, error });
  return new ApiError(500, "internal", `something failed in the console; its log has more under ${reference}`, {
    cause: error,
  });
}

/** The body of `application/problem+json` (RFC 9457). */
export function problemOf(refusal: ApiError): Problem {
  return {
    type: "about:blank",
    title: STATUS_CODES[refusal.status] ?? "Error",
    status: refusal.status,
    code: refusal.code,
    detail: refusal.message,
    ...(refusal.errors === undefined ? {} : { errors: refusal.errors.map((each) => ({ ...each })) }),
    ...(refusal.position === undefined ? {} : { position: refusal.position }),
  };
}

export function problemHeaders(refusal: ApiError): Readonly<Record<string, string>> {
  return {
    "content-type": "application/problem+json",
    ...(refusal.retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(refusal.retryAfter)) }),
  };
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof StoreError) return 503;
  if (error instanceof BrokerConnectionError || error instanceof BackendConnectionError) return 503;
  if (error instanceof BrokerError || error instanceof BackendError) return 502;
  if (error instanceof NotRegistered) return 404;
  if (error instanceof ResultTimeoutError) return 504;
  if (error instanceof EncodeError || error instanceof ConfigurationError) return 400;
  if (error instanceof SearchError || error instanceof TaskListError) return 400;
  return undefined;
}

/** Where a query goes wrong. */
function positionOf(error: LovageError): { readonly position?: number } {
  return error instanceof SearchError ? { position: error.position } : {};
}
