import { type Clock, newId, systemClock } from "lovage/internal";
import type { SavedView } from "../../api/operations.js";
import type { Database, Row, SqlValue } from "../store/database.js";

export interface ViewDefinition {
  readonly page: string;
  readonly name: string;
  readonly search: string;
  readonly shared: boolean;
}

/** Filters that people keep under a name: their own, and those an admin shares with all. */
export class SavedViews {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { readonly database: Database; readonly clock?: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock ?? systemClock;
  }

  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate("console_views", [
      `CREATE TABLE console_views (id TEXT PRIMARY KEY, owner TEXT NOT NULL, page TEXT NOT NULL, name TEXT NOT NULL, search TEXT NOT NULL,
        shared ${bigint} NOT NULL, created_ms ${bigint} NOT NULL)`,
      "CREATE INDEX console_views_owner ON console_views (owner)",
    ]);
  }

  /** A user's own and the shared ones, by name. */
  async visibleTo(owner: string): Promise<readonly SavedView[]> {
    const rows = await this.#database.all({
      sql: "SELECT * FROM console_views WHERE owner = ? OR shared = 1 ORDER BY name, id",
      values: [owner],
    });
    return rows.map((row) => viewItem(row, owner));
  }

  async countOf(owner: string): Promise<number> {
    const row = await this.#database.get({
      sql: "SELECT COUNT(*) AS views FROM console_views WHERE owner = ?",
      values: [owner],
    });
    return Number(row?.views ?? 0);
  }

  /** Undefined for one that is not there, or that this user does not see. */
  async get(id: string, owner: string): Promise<SavedView | undefined> {
    const row = await this.#database.get({
      sql: "SELECT * FROM console_views WHERE id = ? AND (owner = ? OR shared = 1)",
      values: [id, owner],
    });
    return row === undefined ? undefined : viewItem(row, owner);
  }

  async create(view: ViewDefinition, owner: string): Promise<SavedView> {
    const id = newId();
    const values: SqlValue[] = [
      id,
      owner,
      view.page,
      view.name,
      view.search,
      Number(view.shared),
      this.#clock.now().getTime(),
    ];
    await this.#database.write([
      {
        sql: "INSERT INTO console_views (id, owner, page, name, search, shared, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        values,
      },
    ]);
    return { id, ...view, own: true };
  }

  async change(view: SavedView, change: Partial<Omit<ViewDefinition, "page">>): Promise<SavedView> {
    const changed = {
      ...view,
      name: change.name ?? view.name,
      search: change.search ?? view.search,
      shared: change.shared ?? view.shared,
    };
    await this.#database.write([
      {
        sql: "UPDATE console_views SET name = ?, search = ?, shared = ? WHERE id = ?",
        values: [changed.name, changed.search, Number(changed.shared), view.id],
      },
    ]);
    return changed;
  }

  async delete(id: string): Promise<void> {
    await this.#database.write([{ sql: "DELETE FROM console_views WHERE id = ?", values: [id] }]);
  }
}

function viewItem(row: Row, owner: string): SavedView {
  return {
    id: String(row.id),
    page: String(row.page),
    name: String(row.name),
    search: String(row.search),
    shared: row.shared !== 0,
    own: row.owner === owner,
  };
}
