import { LovageError } from "lovage";

/** The console's own database is away, locked for too long, or full. Code `store_unavailable`: try again later. */
export class StoreError extends LovageError {
  constructor(message: string, details: { readonly cause?: unknown } = {}) {
    super(message, { ...details, code: "store_unavailable" });
    this.name = "StoreError";
  }
}
