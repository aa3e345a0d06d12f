import type { PostgresSession } from "./postgres-session.js";

/** More fencing tokens than are drawn while a commit, or a replica, is behind. */
const LEAP = 1_000_000;

/**
 * After a crash or a failover a sequence may go back by what had not reached the disk, or the replica. Fencing tokens must grow all the
 * same: whoever first meets a server that has started anew sets them forward, before he or anybody else draws one. (A claim's commit does
 * not wait for the disk: see `WriteKind.lazy`.)
 */
export async function setTokensForward(session: PostgresSession, schema: string, seconds: number): Promise<void> {
  const started = "SELECT started = pg_postmaster_start_time() AS known FROM";
  const seen = await session.queryWithin({ text: `${started} ${schema}.broker_server_start` }, seconds);
  if (seen.rows[0]?.known === true) return;
  await session.begin(seconds);
  try {
    const { rows } = await session.queryWithin(
      { text: `${started} ${schema}.broker_server_start FOR UPDATE` },
      seconds,
    );
    const known = rows[0]?.known;
    // Null the first time of all, when nobody has drawn any.
    if (known === false) {
      const tokens = `${schema}.broker_tokens`;
      await session.queryWithin({ text: `SELECT setval('${tokens}', nextval('${tokens}') + ${LEAP})` }, seconds);
    }
    if (known !== true) {
      const text = `UPDATE ${schema}.broker_server_start SET started = pg_postmaster_start_time()`;
      await session.queryWithin({ text }, seconds);
    }
    await session.queryWithin({ text: "COMMIT" }, seconds);
  } catch (error) {
    await session.query({ text: "ROLLBACK" }).catch(() => undefined);
    throw error;
  }
}
