import type { Repository } from "./repository.js";
import { openSqliteRepository } from "./sqlite/sqlite-repository.js";

/**
 * Opens the store at `address`, creating it when missing. The only place that knows the kinds there are: so far
 * `sqlite:<file>`.
 */
export async function openRepository(address: string): Promise<Repository> {
  if (address.startsWith("sqlite:") && address.length > "sqlite:".length) {
    return openSqliteRepository(address.slice("sqlite:".length));
  }
  throw new Error(`cannot store posts at "${address}"; expected sqlite:<file>, for example sqlite:blog.db`);
}
