import type { Dialect } from "../database.js";

/** SQL as SQLite writes it. */
export const SQLITE_DIALECT: Dialect = {
  autoId: "INTEGER PRIMARY KEY AUTOINCREMENT",
  // AUTOINCREMENT takes a number before it is known that the row is there already. Without it, that of the last row is given again once the
  // row is gone. Source: sqlite.org/autoinc.html.
  denseId: "INTEGER PRIMARY KEY",
  bigint: "INTEGER",
  real: "REAL",
  bytes: "BLOB",
  // Every index ends with the row's number, which a counting key is. Source: sqlite.org/queryplanner.html, 1.4.
  thenBy: () => "",
  // Folds A to Z only. Source: sqlite.org/lang_expr.html, "The LIKE, GLOB, REGEXP, MATCH, and extract operators".
  contains: (column) => `${column} LIKE ? ESCAPE '\\'`,
  holds: (column) => `instr(${column}, ?) > 0`,
  jsonRows: (parameter, columns) => {
    const members = Object.keys(columns).map((name) => `value ->> '$.${name}' AS ${name}`);
    return `(SELECT ${members.join(", ")} FROM json_each(${parameter}))`;
  },
  // Measured with 51 columns: 19 us a row by one prepared statement each, 67 to 105 us out of one JSON text (docs/decisions/0015). By VALUES
  // and not SELECT, which is copied once more: 2 us.
  rowSources: (columns, rows) => {
    const places = Object.keys(columns).map(() => "?");
    return rows.map((values) => ({ rows: `VALUES (${places.join(", ")})`, values, count: 1 }));
  },
  // Tables of moments ago have no statistics: the planner would guess.
  readAlong: (table, index) => (index === null ? `${table} NOT INDEXED` : `${table} INDEXED BY ${index}`),
  writesOfOthers: "PRAGMA data_version",
};
