import { createHash } from "node:crypto";
import type { Logger } from "lovage";
import { type Clock, sleep, systemClock, withDeadline } from "lovage/internal";
import { ApiError } from "../route.js";
import type { Database, Statement } from "../store/database.js";

/** How long a reply is given again for the same key. */
const KEEP_SECONDS = 24 * 3600;
/** How long a second request waits for the first one's reply, before it is told to come back. */
const WAIT_SECONDS = 10;
const LOOK_SECONDS = 0.25;
/** A reply that never came: its console died at work. What it did is not known, so the key is not free. */
const UNFINISHED_SECONDS = 600;

export interface StoredReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A reply that is given though it is not known, or not yet, what the work has come to. */
export interface UnsettledReply extends StoredReply {
  /** The reply to keep once it is known; undefined when it will never be. Must not reject. */
  readonly settles: Promise<StoredReply | undefined>;
}

type Work = () => Promise<StoredReply | UnsettledReply>;

export interface IdempotentRequest {
  readonly user: string;
  /** Method and path of the route table, as in `POST /tasks/{id}/rerun`. */
  readonly route: string;
  /** Of the `Idempotency-Key` header. */
  readonly key: string;
  /** The actual path, query and body. */
  readonly content: string;
}

/**
 * `Idempotency-Key` of POST: the same user, route and key act once in 24 hours, however often they are sent and on however many consoles
 * of one store. Later ones get the first one's reply; with another body they are refused. Replies of 5xx are not kept: nothing is known
 * to have happened, and a new try is what the client wants. Where it may have happened all the same (`UnsettledReply`), the key is not
 * free: later ones get the reply that the work comes to, or are told that nobody knows.
 */
export class IdempotentReplies {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(options: { readonly database: Database; readonly logger: Logger; readonly clock?: Clock }) {
    this.#database = options.database;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
  }

  async open(): Promise<void> {
    const { bigint } = this.#database.dialect;
    await this.#database.migrate("console_idempotency", [
      `CREATE TABLE console_idempotency (id TEXT PRIMARY KEY, content_hash TEXT NOT NULL, begun_ms ${bigint} NOT NULL, status ${bigint},
        headers TEXT, body TEXT)`,
      "CREATE INDEX console_idempotency_begun ON console_idempotency (begun_ms)",
    ]);
  }

  /** Does `work`, or gives the reply it gave before: what `kept` makes of it. Throws an `ApiError` 409 or 422. */
  async once(
    request: IdempotentRequest,
    work: Work,
    kept: (reply: StoredReply) => StoredReply = (reply) => reply,
  ): Promise<{ readonly reply: StoredReply; readonly again: boolean }> {
    if (!/^[\x21-\x7e]{1,200}$/.test(request.key)) {
      throw new ApiError(400, "bad_idempotency_key", "Idempotency-Key must be 1 to 200 printable ASCII characters");
    }
    const id = hashOf(request.user, request.route, request.key);
    // With the key, which is stored nowhere: a body may hold a password, and its hash alone could be tried out.
    const contentHash = hashOf(request.key, request.content);
    if (await this.#claim(id, contentHash)) return { reply: await this.#doAndKeep(id, work, kept), again: false };
    return { reply: await this.#replyOf(id, contentHash), again: true };
  }

  /** Removes what is older than 24 hours. */
  async sweep(): Promise<void> {
    const oldest = this.#nowMs() - KEEP_SECONDS * 1000;
    await this.#database.write([{ sql: "DELETE FROM console_idempotency WHERE begun_ms < ?", values: [oldest] }]);
  }

  async #claim(id: string, contentHash: string): Promise<boolean> {
    const nowMs = this.#nowMs();
    const [, rows] = await this.#database.write([
      {
        sql: "DELETE FROM console_idempotency WHERE id = ? AND begun_ms < ?",
        values: [id, nowMs - KEEP_SECONDS * 1000],
      },
      {
        sql: `INSERT INTO console_idempotency (id, content_hash, begun_ms, status, headers, body) VALUES (?, ?, ?, NULL, NULL, NULL)
              ON CONFLICT (id) DO NOTHING RETURNING id`,
        values: [id, contentHash, nowMs],
      },
    ]);
    return (rows?.length ?? 0) > 0;
  }

  async #doAndKeep(id: string, work: Work, kept: (reply: StoredReply) => StoredReply): Promise<StoredReply> {
    const done = this.#work(id, work, kept);
    this.#underWay.set(
      id,
      done.catch(() => undefined),
    );
    try {
      return await done;
    } finally {
      this.#underWay.delete(id);
    }
  }

  async #work(id: string, work: Work, kept: (reply: StoredReply) => StoredReply): Promise<StoredReply> {
    let reply: StoredReply | UnsettledReply;
    try {
      reply = await work();
    } catch (error) {
      await this.#settle(id, undefined);
      throw error;
    }
    if ("settles" in reply) void this.#settleLater(id, reply.settles, kept);
    else await this.#settle(id, reply.status >= 500 ? undefined : kept(reply));
    return reply;
  }

  /** Until then the key is as that of work which goes on. Never rejects. */
  async #settleLater(
    id: string,
    settles: UnsettledReply["settles"],
    kept: (reply: StoredReply) => StoredReply,
  ): Promise<void> {
    const reply = await settles;
    if (reply) return await this.#settle(id, reply.status >= 500 ? undefined : kept(reply));
    // As one whose console died at work, found out at once.
    const longAgo = this.#nowMs() - UNFINISHED_SECONDS * 1000 - 1;
    await this.#note({ sql: "UPDATE console_idempotency SET begun_ms = ? WHERE id = ?", values: [longAgo, id] });
  }

  /** What was done is done: a store that takes no note of it now must not make it look undone. The key then stays unfinished. */
  async #settle(id: string, reply: StoredReply | undefined): Promise<void> {
    const note: Statement =
      reply === undefined
        ? { sql: "DELETE FROM console_idempotency WHERE id = ?", values: [id] }
        : {
            sql: "UPDATE console_idempotency SET status = ?, headers = ?, body = ? WHERE id = ?",
            values: [reply.status, JSON.stringify(reply.headers), reply.body, id],
          };
    await this.#note(note);
  }

  async #note(note: Statement): Promise<void> {
    try {
      await this.#database.write([note]);
    } catch (error) {
      this.#logger.warn("the reply for an Idempotency-Key could not be kept", { error });
    }
  }

  /** The first one's reply, waited for while it is at work here or on another console. */
  async #replyOf(id: string, contentHash: string): Promise<StoredReply> {
    const deadline = this.#clock.monotonic() + WAIT_SECONDS;
    for (;;) {
      const row = await this.#database.get({ sql: "SELECT * FROM console_idempotency WHERE id = ?", values: [id] });
      // The first one failed meanwhile: what it would have done is free to be tried again.
      if (row === undefined) throw stillUnderWay("the first request with this key failed: send it again");
      if (row.content_hash !== contentHash) {
        throw new ApiError(422, "idempotency_key_reused", "this Idempotency-Key was used for another request");
      }
      if (row.status !== null) {
        return { status: Number(row.status), headers: parseHeaders(String(row.headers)), body: String(row.body) };
      }
      if (Number(row.begun_ms) < this.#nowMs() - UNFINISHED_SECONDS * 1000) {
        throw new ApiError(
          409,
          "idempotency_unfinished",
          "nobody knows what the first request with this key did: look whether it acted, then use another key",
        );
      }
      const left = deadline - this.#clock.monotonic();
      const expired = (): ApiError => stillUnderWay("the first request with this key is still at work");
      if (left <= 0) throw expired();
      await withDeadline(this.#underWay.get(id) ?? sleep(LOOK_SECONDS), left, expired);
    }
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}

function stillUnderWay(detail: string): ApiError {
  return new ApiError(409, "idempotency_in_progress", detail, { retryAfter: 1 });
}

function hashOf(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

function parseHeaders(text: string): Readonly<Record<string, string>> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
