/**
 * What went wrong with a PostgreSQL server. Drivers translate it into their own errors: `passing` ones into "try again later".
 */
export class PostgresError extends Error {
  /** SQLSTATE, five characters; undefined when the server did not answer. Source: PostgreSQL manual, appendix A. */
  readonly sqlState: string | undefined;
  /** Whether another try, later, may succeed: the server is away, busy, full, or for the moment no primary. */
  readonly passing: boolean;
  /** Whether the connection is of no use any more. */
  readonly lost: boolean;

  constructor(
    message: string,
    details: { sqlState?: string | undefined; passing?: boolean; lost?: boolean; cause?: unknown },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "PostgresError";
    this.sqlState = details.sqlState;
    this.lost = details.lost ?? isLost(details.sqlState);
    this.passing = details.passing ?? (this.lost || isPassing(details.sqlState));
  }
}

/** Nothing was done, and another try will probably succeed at once: serialization failure, deadlock. */
const REPEATED_AT_ONCE: ReadonlySet<string> = new Set(["40001", "40P01"]);
/** Lock not available, query cancelled (by a timeout or an operator), too many connections, configuration limits. */
const PASSING: ReadonlySet<string> = new Set(["55P03", "57014"]);
/** 08: connection exceptions. 53: out of disk, memory or connections. 58: the server's own system errors. */
const PASSING_CLASSES: ReadonlySet<string> = new Set(["08", "40", "53", "58"]);
/**
 * Shutdown, crash, start-up, dropped database; idle in transaction; read-only, as a primary that has become a standby is: another
 * connection, perhaps to another server, is needed.
 */
const LOST: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25006"]);

function isLost(sqlState: string | undefined): boolean {
  return sqlState === undefined || LOST.has(sqlState) || sqlState.startsWith("08");
}
function isPassing(sqlState: string | undefined): boolean {
  return sqlState !== undefined && (PASSING.has(sqlState) || PASSING_CLASSES.has(sqlState.slice(0, 2)));
}

/** Whether a transaction that failed with it can be tried again at once: nothing of it was done. */
export function isRepeatable(error: unknown): boolean {
  return error instanceof PostgresError && error.sqlState !== undefined && REPEATED_AT_ONCE.has(error.sqlState);
}

/** An error of the client library as ours. `where` names the server without secrets. */
export function postgresError(error: unknown, where: string): PostgresError {
  if (error instanceof PostgresError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined)
    return new PostgresError(`PostgreSQL ${where}: ${describe(error, message)}`, { cause: error });
  return new PostgresError(`PostgreSQL ${where} refused: ${message} (${sqlState})`, { sqlState, cause: error });
}

/** `AggregateError`s, as of a host with several addresses, have no message of their own. */
function describe(error: unknown, message: string): string {
  if (error instanceof AggregateError) return error.errors.map(String).join(", ");
  return message === "" ? "the connection failed" : message;
}

function sqlStateOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  // System errors have codes too (EPIPE is five letters long): only the server's answers have a severity.
  const severity: unknown = error instanceof Error ? Reflect.get(error, "severity") : undefined;
  return typeof code === "string" && severity !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
