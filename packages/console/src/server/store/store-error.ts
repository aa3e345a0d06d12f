import { LovageError } from "lovage";

/** The console's own database is away, locked for too long, or full. Code `store_unavailable`: try again later. */
export class StoreError extends LovageError {
  constructor(message: string, details: { readonly cause?: unknown } = {}) {
    super(message, { ...details, code: "store_unavailable" });
    this.name = "StoreError";
  }
}

/** What had to hold for a write no longer did (`Statement.mustGive`): nothing of it is kept, and to try the same again is of no use. */
export class UnmetError extends Error {
  constructor() {
    super("what was to be written goes by what the console's store no longer says");
    this.name = "UnmetError";
  }
}
