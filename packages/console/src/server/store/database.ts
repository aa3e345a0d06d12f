/** A value of a column: instants are Unix milliseconds, flags 0 or 1, JSON is text. */
export type SqlValue = null | number | string | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

/** SQL with `?` for each value, in either dialect. */
export interface Statement {
  readonly sql: string;
  readonly values?: readonly SqlValue[];
}

/** What the two dialects write differently, as data. */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Column type of a counting primary key: `id ${autoId}`. */
  readonly autoId: string;
  /** Column type of whole numbers up to 2^53. */
  readonly bigint: string;
  /** Column type of fractions. */
  readonly real: string;
  /** Column type of bytes. */
  readonly bytes: string;
  /** A condition: `column` holds the text given as the one `?`, without case. The value is escaped by `likePattern`. */
  contains(column: string): string;
  /**
   * Rows out of one JSON parameter (an array of objects): `FROM ${jsonRows("?", {id: "text", at: "bigint"})} AS r`, so that a batch is one
   * statement in both dialects.
   */
  jsonRows(parameter: string, columns: Readonly<Record<string, "text" | "bigint" | "real">>): string;
}

/**
 * The console's own database. Written once for SQLite and PostgreSQL: areas keep their tables in repositories (`task-store.ts`,
 * `accounts.ts` …) that speak SQL both understand, and `dialect` has the rest.
 *
 * Errors: a database that is away, locked for too long or full rejects with a `StoreError` (`store_unavailable`); pages say so.
 */
export interface Database {
  readonly dialect: Dialect;
  /** For people: without secrets. */
  readonly url: string;
  /** Opens it and brings no tables. Idempotent. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Runs each step of `area` once, in order, however many consoles start together. */
  migrate(area: string, steps: readonly string[]): Promise<void>;
  all(statement: Statement): Promise<Row[]>;
  get(statement: Statement): Promise<Row | undefined>;
  /** Runs the statements in one transaction and settles once it is committed; gives the rows of each (`RETURNING`). */
  write(statements: readonly Statement[]): Promise<Row[][]>;
  /** Bytes on disk, or null when it cannot tell. */
  size(): Promise<number | null>;
  /** Why it cannot be written or read now, in words; null while all is well. */
  readonly trouble: string | null;
}
