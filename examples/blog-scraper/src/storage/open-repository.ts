import { openPostgresRepository } from "./postgres/postgres-repository.js";
import type { Repository } from "./repository.js";
import { openSqliteRepository } from "./sqlite/sqlite-repository.js";

/**
 * Opens the store at `address`, creating its tables when missing. The only place that knows the kinds there are:
 * `sqlite:<file>` and `postgres://…`.
 */
export async function openRepository(address: string): Promise<Repository> {
  if (address.startsWith("sqlite:") && address.length > "sqlite:".length) {
    return openSqliteRepository(address.slice("sqlite:".length));
  }
  if (/^postgres(ql)?:\/\//.test(address)) return openPostgresRepository(address);
  // Not the address itself: there may be a password in it.
  const kind = /^[^:]*/.exec(address)?.[0] ?? "";
  throw new Error(
    `cannot store posts in "${kind}:…"; expected sqlite:<file>, for example sqlite:blog.db, or postgres://<user>:<password>@<host>/<database>`,
  );
}
