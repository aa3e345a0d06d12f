/** Why a page could not be had. `docs`: the README's table "When something goes wrong". */
export const FETCH_FAILURES = [
  "bad-address",
  "unreachable",
  "timeout",
  "http-status",
  "too-large",
  "redirects",
  "robots",
  "not-text",
] as const;
export type FetchFailure = (typeof FETCH_FAILURES)[number];

/** A page could not be fetched. `temporary` says whether asking again later could help. */
export class FetchError extends Error {
  override readonly name: string = "FetchError";
  readonly failure: FetchFailure;
  readonly temporary: boolean;
  /** How long the server asked us to wait, in seconds (`Retry-After`). */
  readonly retryAfter: number | undefined;

  constructor(
    failure: FetchFailure,
    message: string,
    options: { temporary?: boolean; retryAfter?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.temporary = options.temporary ?? false;
    this.retryAfter = options.retryAfter;
  }
}

/** The page was fetched, but what it should hold is not in it. Asking again does not help. */
export class UnreadablePageError extends Error {
  override readonly name: string = "UnreadablePageError";
}

/** The blog as a whole could not be read; the run ends FAILED with this message. */
export class BlogUnreadableError extends Error {
  override readonly name: string = "BlogUnreadableError";
}

/** As {@link BlogUnreadableError}, for reasons that may pass (timeouts, 5xx, refused connections): worth a retry. */
export class BlogUnavailableError extends BlogUnreadableError {
  override readonly name: string = "BlogUnavailableError";
}
