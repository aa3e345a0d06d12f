/** A value of a column: instants are Unix milliseconds, flags 0 or 1, JSON is text. */
export type SqlValue = null | number | string | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

/** SQL with `?` for each value, in any dialect. */
export interface Statement {
  readonly sql: string;
  readonly values?: readonly SqlValue[];
  /** Of a write: how many rows it has to give. When it gives another number, nothing of the write is kept, which rejects with an `UnmetError`. */
  readonly mustGive?: number;
}

/** Types of the columns that come as parameters. */
export type ColumnTypes = Readonly<Record<string, "text" | "bigint" | "real">>;

/** Some rows of a batch, as a statement that writes them reads them. */
export interface RowSource {
  /** A query that gives them in order: to insert it as it is, or `WITH r (id, at) AS (${rows}) INSERT …`. */
  readonly rows: string;
  readonly values: readonly SqlValue[];
  /** How many they are. */
  readonly count: number;
}

/**
 * What databases write, or do best, differently: as data, so that nobody asks which one it is. Each has one in a folder of its own, and a
 * further one is a further folder and a line in `open-database.ts`.
 */
export interface Dialect {
  /** Column type of a counting primary key: `id ${autoId}`. */
  readonly autoId: string;
  /** The same for rows that are written over and over (`ON CONFLICT … DO UPDATE`), where the database can without using up a number each time. */
  readonly denseId: string;
  /** Column type of whole numbers up to 2^53. */
  readonly bigint: string;
  /** Column type of fractions. */
  readonly real: string;
  /** Column type of bytes. */
  readonly bytes: string;
  /** The end of an index whose equal rows are to lie by their counting primary key: `CREATE INDEX … (at_ms${thenBy("seq")})`. */
  thenBy(id: string): string;
  /** A condition: `column` holds the text given as the one `?`, without case. The value is escaped by `likePattern`. */
  contains(column: string): string;
  /** A condition: `column` holds the text given as the one `?`, letter for letter. */
  holds(column: string): string;
  /** Rows out of one JSON parameter (an array of objects): `FROM ${jsonRows("?", {id: "text", at: "bigint"})} AS r`. */
  jsonRows(parameter: string, columns: ColumnTypes): string;
  /** The rows of a batch, values in the order of `columns`, in as many sources as is fastest. Without rows there is none. */
  rowSources(columns: ColumnTypes, rows: readonly (readonly (string | number | null)[])[]): readonly RowSource[];
  /** After FROM: a table to be read along one of its indexes, or as its rows lie (null), where a planner has to be told. */
  readAlong(table: string, index: string | null): string;
  /**
   * A query of one value that is another one when someone else has written to the database. Undefined where several consoles write all the
   * time, and what one of them has noted of the rows would never hold.
   */
  readonly writesOfOthers: string | undefined;
}

/**
 * The console's own database. Written once for all of them: areas keep their tables in repositories (`task-store.ts`, `accounts.ts` …) that
 * speak SQL that each understands, and `dialect` has the rest.
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
  /** Runs the statements in one transaction and settles once it is committed; gives the rows of each (`RETURNING`). See `mustGive`. */
  write(statements: readonly Statement[]): Promise<Row[][]>;
  /** Bytes on disk, or null when it cannot tell. */
  size(): Promise<number | null>;
  /** Why it cannot be written or read now, in words; null while all is well. */
  readonly trouble: string | null;
}
