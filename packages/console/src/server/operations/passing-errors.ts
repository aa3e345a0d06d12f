import { BackendConnectionError, BrokerConnectionError } from "lovage";
import { ApiError } from "../route.js";
import { StoreError } from "../store/store-error.js";

/** Whether an error passes by itself: a broker, a result backend or a database that is away for now. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof StoreError ||
    error instanceof BrokerConnectionError ||
    error instanceof BackendConnectionError ||
    (error instanceof ApiError && error.status === 503)
  );
}
