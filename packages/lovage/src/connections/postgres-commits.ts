import type { Logger } from "../util/logger.js";
import { isRepeatable, PostgresError } from "./postgres-error.js";
import type { PostgresResult, PostgresRow, PostgresSession, Statement } from "./postgres-session.js";

/** What became of one item of a statement. */
export type WriteOutcome<O> = { readonly value: O } | { readonly error: unknown };

/**
 * One kind of write, of which many go into one statement. Make it once per schema: the statement's text is what names it to the server.
 */
export interface WriteKind<I, O> {
  /** For errors and logs. */
  readonly name: string;
  /** Kinds of a lower rank run first in a transaction: results 10, acknowledgements 20, publishes 30, claims 40. */
  readonly rank: number;
  /** One statement for all items, as with `unnest($1::text[], …)`. */
  readonly text: string;
  values(items: readonly I[], context: CommitContext): readonly unknown[];
  /** One outcome per item, in the items' order. An `error` rejects that write alone. */
  outcomes(items: readonly I[], rows: readonly PostgresRow[], context: CommitContext): readonly WriteOutcome<O>[];
  /** Items with the same key never share a statement: those asked for later go into a later one. */
  key?(item: I): string;
  /** About how many bytes an item is. @default 200 */
  size?(item: I): number;
  /**
   * A crash of the server may undo it: a commit of nothing else does not wait for the disk. Only where the server itself is spoken to, since
   * fencing tokens are set forward by those who notice that it has started anew. @default false
   */
  readonly lazy?: boolean;
  /** Items in one statement at most. @default 1000 */
  readonly limit?: number;
}

export interface CommitContext {
  /** An earlier try of these writes may have been committed: its connection was lost before the answer came. */
  readonly again: boolean;
  /** The same for every try of one commit, and greater for later ones of this process. */
  readonly commit: number;
  /** Counts the statements of a try of one commit. */
  readonly part: number;
}

export interface WriteOptions {
  /** Writes of one chain that are asked for in one turn of the event loop succeed in the order of their ranks, or from the first failure on not at all. */
  readonly chain?: number | undefined;
  /** Nobody is held up while this waits a moment for others to share its commit with. @default false */
  readonly patient?: boolean;
}

interface Pending {
  /** Undefined for one that is to fail. */
  readonly kind: WriteKind<unknown, unknown> | undefined;
  readonly item: unknown;
  readonly chain: number | undefined;
  /** Monotonic milliseconds. */
  readonly deadlineMs: number;
  readonly size: number;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  settled: boolean;
}

/** Items of one kind that go into one statement. */
interface Group {
  readonly kind: WriteKind<unknown, unknown>;
  readonly writes: readonly Pending[];
}

type Outcomes = Map<Pending, WriteOutcome<unknown>>;

/** How long a patient write waits for company. A commit costs a fraction of it, and many a worker's tasks less. */
const PATIENCE_MS = 2;
/** Writes of one transaction, and their bytes: what comes while it is under way waits for its end. */
const COMMIT_WRITES = 2000;
const COMMIT_BYTES = 8 * 1024 * 1024;
const USUAL_SIZE = 200;
const USUAL_LIMIT = 1000;
/** Milliseconds before what failed is tried again: at first, and at most. */
const RETRY_MS = 20;
const LONGEST_RETRY_MS = 1000;
/** Tries of a transaction that met a deadlock before it waits like others. */
const REPEATS = 5;

export interface GroupCommitParts {
  /** Runs work on a connection of its own. */
  readonly use: <T>(work: (session: PostgresSession) => Promise<T>) => Promise<T>;
  /** Seconds after which a write rejects, whatever becomes of it. */
  readonly writeTimeout: number;
  readonly where: string;
  readonly logger: Logger;
}

/**
 * Writes of all parts of an app, in as few statements and commits as possible. Those asked for in one turn of the event loop, and those
 * asked for while a commit is under way, go into one transaction; of each kind, all go into one statement. One statement alone needs no
 * transaction around it.
 *
 * A transaction that fails for a reason that may pass is tried again until its writes' deadlines. When a statement is what failed, the
 * transaction runs again with savepoints, and halves of the statement's items, until it is known which item is to blame.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts;
  #pending: Pending[] = [];
  /** Taken out of `#pending` and not settled. */
  #underWay: readonly Pending[] = [];
  #committing = false;
  #flush: NodeJS.Immediate | undefined;
  #patience: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #commits = 0;
  #closed = false;
  #lastFailure: unknown;
  #idleWaiters: (() => void)[] = [];

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
  }

  /** Settles when the write is committed. Rejects with a `PostgresError`: `passing` when its time ran out, or with what the kind's outcomes say. */
  write<I, O>(kind: WriteKind<I, O>, item: I, options: WriteOptions = {}): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.#add(
        {
          // The queue holds writes of all kinds: each only ever meets items and outcomes of its own.
          kind: kind as unknown as WriteKind<unknown, unknown>,
          item,
          size: kind.size?.(item) ?? USUAL_SIZE,
          resolve: (value) => resolve(value as O),
          reject,
        },
        options,
      );
    });
  }

  /** A write that cannot even be asked for: rejects with `error`, and takes those of its chain along. */
  fail(error: unknown, options: WriteOptions): Promise<never> {
    return new Promise((_, reject) => {
      this.#add({ kind: undefined, item: error, size: 0, resolve: () => undefined, reject }, options);
    });
  }

  /** Settles when everything asked for has settled; refuses what comes afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#pending.length === 0 && !this.#committing) return;
    this.#schedule(false);
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #add(
    write: Pick<Pending, "kind" | "item" | "size" | "resolve" | "reject">,
    { chain, patient = false }: WriteOptions,
  ): void {
    if (this.#closed) {
      write.reject(closedError());
      return;
    }
    const deadlineMs = performance.now() + this.#parts.writeTimeout * 1000;
    this.#pending.push({ ...write, chain, deadlineMs, settled: false });
    this.#expiry ??= setTimeout(() => this.#expire(), this.#parts.writeTimeout * 1000 + 1);
    this.#schedule(patient);
  }

  #schedule(patient: boolean): void {
    if (this.#committing || this.#flush) return;
    if (patient) {
      this.#patience ??= setTimeout(() => this.#start(), PATIENCE_MS);
      return;
    }
    this.#flush = setImmediate(() => this.#start());
  }

  #start(): void {
    clearTimeout(this.#patience);
    clearImmediate(this.#flush);
    this.#patience = undefined;
    this.#flush = undefined;
    if (this.#committing) return;
    this.#committing = true;
    void this.#commitAll();
  }

  async #commitAll(): Promise<void> {
    while (this.#pending.length > 0) {
      this.#underWay = this.#takeBatch();
      await this.#commitBatch(this.#underWay);
      this.#underWay = [];
    }
    this.#committing = false;
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** As many as one transaction may hold, in order, with all of their chains. */
  #takeBatch(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const { size } of this.#pending) {
      if (count >= COMMIT_WRITES || (count > 0 && bytes + size > COMMIT_BYTES)) break;
      bytes += size;
      count++;
    }
    const batch = this.#pending.splice(0, count);
    if (this.#pending.length === 0) return batch;
    const chains = new Set(batch.map(({ chain }) => chain));
    chains.delete(undefined);
    const belongs = ({ chain }: Pending): boolean => chains.has(chain);
    batch.push(...this.#pending.filter(belongs));
    this.#pending = this.#pending.filter((write) => !belongs(write));
    return batch;
  }

  /** Tries until every one of them has settled. */
  async #commitBatch(batch: readonly Pending[]): Promise<void> {
    let again = false;
    const commit = ++this.#commits;
    let careful = false;
    let repeats = 0;
    for (let failures = 0; ; ) {
      const writes = batch.filter(({ settled }) => !settled);
      if (writes.length === 0) return;
      let sent = false;
      try {
        const outcomes = await this.#attempt(writes, { again, commit, part: 0 }, careful, () => {
          sent = true;
        });
        this.#lastFailure = undefined;
        for (const [write, outcome] of outcomes) settle(write, outcome);
        return;
      } catch (error) {
        if (!(error instanceof PostgresError && error.passing)) {
          // A statement is to blame. Savepoints tell for which item, and are too dear to set for every statement of every transaction.
          if (careful || !sent) for (const write of writes) settle(write, { error });
          careful = true;
          continue;
        }
        this.#lastFailure = error;
        // Nobody knows whether it was committed.
        again ||= sent && error.lost;
        if (isRepeatable(error) && repeats++ < REPEATS) continue;
        await this.#pause(failures++, error);
      }
    }
  }

  async #attempt(
    writes: readonly Pending[],
    context: CommitContext,
    careful: boolean,
    onSent: () => void,
  ): Promise<Outcomes> {
    const outcomes: Outcomes = new Map();
    const groups = groupsOf(withoutBroken(writes, outcomes));
    if (groups.length === 0) return outcomes;
    // Half of what there is: enough is left for another try on another connection.
    const seconds = this.#parts.writeTimeout / 2;
    await this.#parts.use(async (session) => {
      onSent();
      const deadline = setTimeout(() => session.destroy(`no answer within ${seconds} s`), seconds * 1000);
      try {
        if (careful) await this.#inSteps(session, groups, context, outcomes);
        else await this.#atOnce(session, groups, context, outcomes);
      } finally {
        clearTimeout(deadline);
      }
    });
    return outcomes;
  }

  /** All statements go out together, and their answers come together. */
  async #atOnce(
    session: PostgresSession,
    groups: readonly Group[],
    context: CommitContext,
    outcomes: Outcomes,
  ): Promise<void> {
    const statements = groups.map((group, part) => statementOf(group, { ...context, part }));
    const lazy = session.isDirect && groups.every(({ kind }) => kind.lazy);
    const results =
      statements.length === 1 && session.isDirect && !lazy
        ? await Promise.all(statements.map((statement) => session.query(statement)))
        : await inTransaction(session, this.#seconds, statements, lazy);
    for (const [index, group] of groups.entries()) noteOutcomes(group, results[index], context, outcomes);
  }

  /** One statement after the other, each on a savepoint; the items of one that fails are tried by halves. */
  async #inSteps(
    session: PostgresSession,
    groups: readonly Group[],
    context: CommitContext,
    outcomes: Outcomes,
  ): Promise<void> {
    const broken = new Map<number, unknown>();
    let part = 0;
    const next = (): CommitContext => ({ ...context, part: part++ });
    await session.begin(this.#seconds);
    try {
      for (const group of groups) await this.#step(session, group, next, outcomes, broken);
      await session.query({ text: "COMMIT" });
    } catch (error) {
      // The connection goes back to the pool unless it is lost.
      await session.query({ text: "ROLLBACK" }).catch(() => undefined);
      throw error;
    }
  }

  async #step(
    session: PostgresSession,
    { kind, writes: all }: Group,
    next: () => CommitContext,
    outcomes: Outcomes,
    broken: Map<number, unknown>,
  ): Promise<void> {
    const isWhole = ({ chain }: Pending): boolean => chain === undefined || !broken.has(chain);
    for (const write of all) if (!isWhole(write)) outcomes.set(write, { error: broken.get(Number(write.chain)) });
    const writes = all.filter(isWhole);
    if (writes.length === 0) return;
    const group = { kind, writes };
    const context = next();
    await session.query({ text: "SAVEPOINT step" });
    try {
      const result = await session.query(statementOf(group, context));
      await session.query({ text: "RELEASE step" });
      noteOutcomes(group, result, context, outcomes);
    } catch (error) {
      if (error instanceof PostgresError && error.passing) throw error;
      await session.query({ text: "ROLLBACK TO step; RELEASE step" });
      const [first] = writes;
      if (first && writes.length === 1) {
        outcomes.set(first, { error });
        if (first.chain !== undefined) broken.set(first.chain, error);
        return;
      }
      const half = Math.ceil(writes.length / 2);
      for (const part of [writes.slice(0, half), writes.slice(half)])
        await this.#step(session, { kind, writes: part }, next, outcomes, broken);
    }
  }

  get #seconds(): number {
    return this.#parts.writeTimeout / 2;
  }

  async #pause(failures: number, error: unknown): Promise<void> {
    const { logger, where } = this.#parts;
    if (failures === 0) logger.warn(`could not commit to PostgreSQL ${where}: trying again`, { error: String(error) });
    const longestMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** Math.min(failures, 10));
    await new Promise((later) => setTimeout(later, longestMs * (0.5 + Math.random() / 2)));
  }

  /** Rejects those whose time is over, whether or not a commit of them is under way. */
  #expire(): void {
    this.#expiry = undefined;
    const nowMs = performance.now();
    const { where, writeTimeout } = this.#parts;
    for (const write of [...this.#underWay, ...this.#pending]) {
      if (write.settled || write.deadlineMs > nowMs) continue;
      const reason = this.#lastFailure instanceof Error ? `: ${this.#lastFailure.message}` : "";
      const message = `PostgreSQL ${where} did not commit within ${writeTimeout} s${reason}`;
      settle(write, { error: new PostgresError(message, { passing: true, cause: this.#lastFailure }) });
    }
    this.#pending = this.#pending.filter(({ settled }) => !settled);
    const next = [...this.#underWay, ...this.#pending].find(({ settled }) => !settled);
    if (next) this.#expiry = setTimeout(() => this.#expire(), next.deadlineMs - nowMs + 1);
  }
}

/** Sends the statements between BEGIN and COMMIT, without waiting in between. Rejects with the first failure; nothing is written then. */
async function inTransaction(
  session: PostgresSession,
  seconds: number,
  statements: readonly Statement[],
  lazy: boolean,
): Promise<readonly PostgresResult[]> {
  const begun = session.begin(seconds, lazy);
  const sent = statements.map((statement) => session.query(statement));
  const committed = session.query({ text: "COMMIT" });
  const settled = await Promise.allSettled([begun, ...sent, committed]);
  // A lost connection is the cause of all that fails after it; otherwise the first failure is the cause of the others.
  for (const each of settled) if (each.status === "rejected") throw each.reason;
  if ((await committed).command !== "COMMIT")
    throw new PostgresError("the transaction was rolled back", { passing: true });
  return await Promise.all(sent);
}

/** Those that may run: not of a chain of which one is to fail. The others get their outcomes. */
function withoutBroken(writes: readonly Pending[], outcomes: Outcomes): readonly Pending[] {
  const failing = writes.filter(({ kind }) => kind === undefined);
  if (failing.length === 0) return writes;
  const reasons = new Map(failing.map(({ chain, item }) => [chain, item]));
  reasons.delete(undefined);
  return writes.filter((write) => {
    const error = write.kind === undefined ? write.item : reasons.get(write.chain);
    if (write.kind !== undefined && !reasons.has(write.chain)) return true;
    outcomes.set(write, { error });
    return false;
  });
}

/** In the order of ranks; of each kind as few as its limit and its keys allow. */
function groupsOf(writes: readonly Pending[]): readonly Group[] {
  const byKind = new Map<WriteKind<unknown, unknown>, Pending[][]>();
  const keys = new Map<Pending[], Set<string>>();
  for (const write of writes) {
    const { kind } = write;
    if (!kind) continue;
    const groups = byKind.get(kind) ?? [];
    byKind.set(kind, groups);
    const key = kind.key?.(write.item);
    const limit = kind.limit ?? USUAL_LIMIT;
    // The last group in which the key stands, and all before it, are not for this one: it was asked for later.
    const taken = key === undefined ? -1 : groups.findLastIndex((group) => keys.get(group)?.has(key));
    let group = groups.find(
      (each, index) => index > taken && (key !== undefined || index === groups.length - 1) && each.length < limit,
    );
    if (!group) {
      group = [];
      groups.push(group);
      keys.set(group, new Set());
    }
    group.push(write);
    if (key !== undefined) keys.get(group)?.add(key);
  }
  return [...byKind]
    .sort(([one], [other]) => one.rank - other.rank)
    .flatMap(([kind, groups]) => groups.map((each) => ({ kind, writes: each })));
}

function statementOf({ kind, writes }: Group, context: CommitContext): Statement {
  return {
    text: kind.text,
    values: kind.values(
      writes.map(({ item }) => item),
      context,
    ),
  };
}

function noteOutcomes(
  { kind, writes }: Group,
  result: PostgresResult | undefined,
  context: CommitContext,
  outcomes: Outcomes,
): void {
  const items = writes.map(({ item }) => item);
  const made = outcomesOf(kind, items, result?.rows ?? [], context);
  writes.forEach((write, index) => {
    outcomes.set(write, made[index] ?? { error: new Error(`${kind.name} told no outcome of item ${index}`) });
  });
}

/** It is committed: what cannot be made of the rows is told to whoever asked, and not tried again. */
function outcomesOf<I, O>(
  kind: WriteKind<I, O>,
  items: readonly I[],
  rows: readonly PostgresRow[],
  context: CommitContext,
): readonly WriteOutcome<O>[] {
  try {
    return kind.outcomes(items, rows, context);
  } catch (error) {
    return items.map(() => ({ error }));
  }
}

function settle(write: Pending, outcome: WriteOutcome<unknown>): void {
  if (write.settled) return;
  write.settled = true;
  if ("error" in outcome) write.reject(outcome.error);
  else write.resolve(outcome.value);
}

function closedError(): PostgresError {
  return new PostgresError("the PostgreSQL connection is closed", { passing: true });
}
