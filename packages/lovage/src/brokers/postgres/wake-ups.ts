import type { PostgresDatabase } from "../../connections/postgres.js";
import type { Logger } from "../../util/logger.js";

/** The topic of the notifications; their payload is a queue's id, with a `<` before it when something was put back into the queue. */
export const READY_TOPIC = "ready";

/** Reads such a payload. Anybody may notify: what is none names no queue. */
export function readWakeUp(payload: string): { readonly queueId: number; readonly back: boolean } {
  const back = payload.startsWith("<");
  return { queueId: Number(back ? payload.slice(1) : payload), back };
}

/**
 * Tells other processes' waiting consumers that something is in their queue. In a transaction of its own after the one that put it there:
 * commits that notify wait for each other, all over the server, so that they must not be those that wait for the disk. And a consumer
 * that said it waits before this looks is seen, one that says so afterwards looks itself: nobody sleeps on.
 */
export class WakeUps {
  readonly #database: PostgresDatabase;
  /** Names this process, whose own consumers are told directly. */
  readonly #process: string;
  readonly #logger: Logger;
  /** Whether something was put back, by queue. */
  readonly #queues = new Map<number, boolean>();
  #sending = false;

  constructor(database: PostgresDatabase, process: string, logger: Logger) {
    this.#database = database;
    this.#process = process;
    this.#logger = logger;
  }

  tell(queueIds: readonly number[], back: boolean): void {
    for (const id of queueIds) this.#queues.set(id, back || (this.#queues.get(id) ?? false));
    if (this.#sending) return;
    this.#sending = true;
    void this.#send();
  }

  async #send(): Promise<void> {
    const s = this.#database.schema;
    while (this.#queues.size > 0) {
      const ids = [...this.#queues.keys()];
      const payloads = [...this.#queues].map(([id, back]) => (back ? `<${id}` : String(id)));
      this.#queues.clear();
      try {
        await this.#database.query(
          `WITH waiting AS MATERIALIZED (
            SELECT q.payload FROM unnest($1::int[], $4::text[]) AS q (id, payload) WHERE EXISTS (SELECT 1 FROM ${s}.broker_consumers c
              WHERE c.queue_id = q.id AND c.waiting AND c.process <> $2::uuid AND c.expires > now()))
          SELECT set_config('synchronous_commit', 'off', true), pg_notify($3, payload) FROM waiting`,
          [ids, this.#process, this.#database.channel(READY_TOPIC), payloads],
          { timeout: 5 },
        );
      } catch (error) {
        // They look by themselves now and again.
        this.#logger.debug("could not wake other consumers", { error: String(error) });
      }
    }
    this.#sending = false;
  }
}
