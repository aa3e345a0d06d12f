import type { Logger, Lovage } from "lovage";
import { type Fields, isFields, type ReceivedEvent, type Service, sleep } from "lovage/internal";
import type { SystemInfo } from "../../api/operations.js";
import type { HeardEvent, Ingest, LiveHub } from "../parts.js";
import type { Database } from "../store/database.js";
import { UnmetError } from "../store/store-error.js";
import type { TaskRecord } from "../store/task-record.js";
import { emptyRecord } from "../store/task-record.js";
import type { TaskStore } from "../store/task-store.js";
import { type BuiltBatch, buildBatch, type Merged } from "./batch-builder.js";
import { BatchWriter } from "./batch-writer.js";
import { type AppRedact, ContentsGuard } from "./contents-guard.js";
import { CustomStates } from "./custom-states.js";
import { EventListener } from "./event-listener.js";
import { FindingsMail } from "./findings-mail.js";
import { IngestGaps } from "./ingest-gaps.js";
import { IngestLease } from "./ingest-lease.js";
import { IngestMeter } from "./ingest-meter.js";
import { LivePublisher } from "./live-publisher.js";
import { MakeGood } from "./make-good.js";
import { mergeFindings } from "./merge-event.js";
import { LIMITS } from "./narrow.js";
import { type HeardNews, INBOX_LIMITS, type InboxLimits, NewsInbox } from "./news-inbox.js";
import { RecordCache } from "./record-cache.js";
import { hasContents, redactFindings } from "./redact-findings.js";
import { StandbyLogs } from "./standby-logs.js";
import { beforeAsHeard, StandbyRecords } from "./standby-records.js";
import { TaskNames } from "./task-names.js";
import { type NewsReader, readTaskNews } from "./task-news.js";
import { WrittenBefore } from "./written-before.js";

/** Seconds that news are gathered for before they are written. */
const GATHER = 0.1;
/** News in one batch: what SQLite writes well within a tenth of a second. */
const BATCH = 2000;
/** Seconds between two signs of life in the lease. */
const LEASE_BEAT = 2;
/** Seconds that a standby keeps what it hears, to go on from where the other stopped. */
const STANDBY_KEEPS = 30;
/** Seconds within which two consoles' hearing counts as unbroken. */
const UNBROKEN = 3;

type MergeListener = (before: TaskRecord | undefined, after: TaskRecord) => void;

export interface EventIngestOptions {
  readonly app: Lovage;
  readonly database: Database;
  readonly tasks: TaskStore;
  readonly live: LiveHub;
  readonly logger: Logger;
  /** Bytes of log lines kept of one task; see `Retention.limits`. @default 256 KiB */
  readonly logBytesPerTask?: () => number;
  /** Seconds that workers are given to answer. @default 1 */
  readonly inspectTimeout?: number;
  readonly inboxLimits?: InboxLimits;
}

/**
 * Events in, records out: hears the events of workers and senders, merges them into records, writes these in batches every tenth of a
 * second, and tells the live hub and whoever listens. One console of a store writes, under a lease; the others hear and show the same,
 * and go on from where it stopped.
 *
 * Nothing stops it. A broker that is away is listened for again, and the time is remembered as a gap; a store that is away, locked or
 * full is tried again while as much as fits into memory waits, and what does not is counted and remembered as a gap too.
 */
export class EventIngest implements Ingest, Service {
  readonly #options: EventIngestOptions;
  readonly #logger: Logger;
  readonly #guard: ContentsGuard;
  readonly #cache = new RecordCache();
  readonly #names = new TaskNames();
  readonly #reader: NewsReader;
  readonly #inbox: NewsInbox;
  readonly #meter = new IngestMeter();
  readonly #gaps: IngestGaps;
  readonly #lease: IngestLease;
  readonly #writer: BatchWriter;
  readonly #mail: FindingsMail;
  readonly #before: WrittenBefore;
  readonly #listener: EventListener;
  readonly #publisher: LivePublisher;
  readonly #standbyRecords = new StandbyRecords();
  readonly #standbyLogs: StandbyLogs;
  readonly #makeGood: MakeGood;
  readonly #stopping = new AbortController();
  readonly #taskListeners = new Set<(records: readonly TaskRecord[]) => void>();
  readonly #eventListeners = new Set<(event: HeardEvent) => void>();
  readonly #mergeListeners = new Set<MergeListener>();
  #leader = false;
  #dropped = 0;
  #dropsFromMs: number | undefined;
  /** When the oldest of what is being written now was heard. */
  #writingMs: number | undefined;
  /** When the oldest was heard of what is gone unwritten. */
  #lostMs: number | undefined;
  /** Number of the last news that were shown, and told to those who count, as a standby. */
  #shown = 0;
  #loops: readonly Promise<void>[] = [];
  #prepared = false;
  /** Merging and writing happen one after the other, whoever asks for it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: EventIngestOptions) {
    const { app, database, tasks, live, logger } = options;
    this.#options = options;
    this.#logger = logger;
    const redact: AppRedact | undefined = app.redact;
    this.#guard = new ContentsGuard({ redact, logger });
    const nameOf = (id: string): string | undefined => this.#names.get(id) ?? this.#cache.get(id)?.name ?? undefined;
    const states = new CustomStates();
    this.#reader = { guard: this.#guard, nameOf, keepsState: (state) => states.keeps(state) };
    this.#inbox = new NewsInbox((dropped) => this.#drop(dropped), options.inboxLimits ?? INBOX_LIMITS);
    this.#gaps = new IngestGaps(database);
    this.#lease = new IngestLease({ database });
    this.#mail = new FindingsMail(database);
    this.#before = new WrittenBefore(tasks);
    this.#writer = new BatchWriter({ tasks, logger, onlyIf: this.#lease.heldStill, signal: this.#stopping.signal });
    this.#publisher = new LivePublisher({ live, tasks, logger });
    this.#standbyLogs = new StandbyLogs({ tasks, live, logger, publisher: this.#publisher });
    this.#makeGood = new MakeGood({
      app,
      logger,
      timeout: options.inspectTimeout ?? 1,
      recordOf: (id) => this.#read(id),
      learn: (id, news) => this.learn(id, news),
    });
    this.#listener = new EventListener({
      app,
      logger,
      onEvent: (event) => this.#hear(event),
      onHearingAgain: ({ fromMs, toMs }) => this.#gaps.note({ fromMs, toMs, reason: "the broker could not be heard" }),
    });
  }

  get status(): SystemInfo["ingest"] {
    const oldestMs = this.#oldestUnwrittenMs();
    const waits = oldestMs === undefined ? 0 : (Date.now() - oldestMs) / 1000;
    const { lag } = this.#meter;
    return {
      leader: this.#leader,
      ratePerSecond: this.#meter.ratePerSecond,
      lag: this.#leader ? Math.max(lag ?? 0, waits) : lag,
      dropped: this.#dropped,
      waiting: this.#leader ? this.#inbox.size : 0,
      gaps: this.#gaps.all.slice(0, 50).map(({ fromMs, toMs, reason }) => ({
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        reason,
      })),
    };
  }

  /** Whether events arrive now, and why not. */
  get listening(): { readonly ok: boolean; readonly error: string | null } {
    const { error } = this.#listener;
    return { ok: error === null, error };
  }

  /** Begins; waits for no server. */
  start(): Promise<void> {
    if (this.#loops.length === 0 && !this.#stopping.signal.aborted) {
      this.#listener.start();
      this.#loops = [this.#keepLease(), this.#keepWriting()];
    }
    return Promise.resolve();
  }

  /** Writes what waits, where the store takes it at once, and gives up the lease. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) {
      await Promise.all(this.#loops);
      return;
    }
    this.#stopping.abort();
    await this.#listener.stop();
    await Promise.all(this.#loops);
    await this.#turn.catch(() => undefined);
    if (!this.#leader) return;
    try {
      for (let news = this.#inbox.take(BATCH); news.length > 0; news = this.#inbox.take(BATCH)) await this.#write(news);
      this.#closeDrops();
      await this.#gaps.save();
      await this.#lease.release(this.#wholeUntilMs());
    } catch (error) {
      this.#logger.warn("what waited could not be written before the end", { error: String(error) });
    }
    this.#leader = false;
  }

  async learn(id: string, news: Partial<TaskRecord>): Promise<void> {
    if (id === "" || id.length > LIMITS.id) return;
    // Whoever acts must not wait for a store that is away.
    if (this.#writer.trouble) throw this.#writer.trouble;
    const found = redactFindings(news, this.#guard, await this.#nameFor(id, news));
    await this.#inTurn(async () => {
      if (this.#leader && (await this.#writeFindings([{ id, found }]))) return;
      // Another console writes: it is told by the store, and what is shown here is right until it has.
      await this.#mail.send(id, found);
      this.#show([this.#mergedFindings((await this.#read(id)) ?? emptyRecord(id, Date.now()), found)]);
    });
  }

  /** The app's own redaction goes by the task's name, which findings mostly lack: results do not say it. */
  async #nameFor(id: string, news: Partial<TaskRecord>): Promise<string | undefined> {
    if (!this.#options.app.redact || !hasContents(news)) return undefined;
    return news.name ?? this.#reader.nameOf(id) ?? (await this.#read(id))?.name ?? undefined;
  }

  async makeGood(id: string): Promise<TaskRecord | undefined> {
    return await this.#makeGood.lookFor(id);
  }

  /** Forgets what is at hand of these tasks: they are no longer in the store. */
  forgotten(ids: readonly string[]): void {
    for (const id of ids) this.#cache.delete(id);
  }

  onTasks(listener: (records: readonly TaskRecord[]) => void): () => void {
    this.#taskListeners.add(listener);
    return () => this.#taskListeners.delete(listener);
  }

  onEvent(listener: (event: HeardEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Every change that this console has written, event by event, and what was found out besides: for counting things once. */
  onMerged(listener: MergeListener): () => void {
    this.#mergeListeners.add(listener);
    return () => this.#mergeListeners.delete(listener);
  }

  /** Looks in the result backend only: cheap enough for many. Gives the record as it is then. */
  async lookInBackend(id: string): Promise<TaskRecord | undefined> {
    return await this.#makeGood.lookInBackend(id);
  }

  /** Since when all events are heard, without a break, in Unix milliseconds; undefined while they are not. */
  get hearsSinceMs(): number | undefined {
    return this.#listener.hearsSinceMs;
  }

  #hear(event: ReceivedEvent): void {
    this.#meter.heard(1);
    const heardMs = Date.now();
    const news = readTaskNews(event, heardMs, this.#reader);
    const { type, hostname, timestamp, fields } = event;
    if (!news) {
      this.#tell({ type, hostname, timestamp, fields, before: undefined, after: undefined });
      return;
    }
    if (this.#options.app.redact && news.facts.name) this.#names.note(news.id, news.facts.name);
    this.#inbox.push({ news, heardMs, event: { type, hostname, timestamp, fields: smallMembers(fields) } });
  }

  #drop({ heardMs }: HeardNews): void {
    if (!this.#leader) return;
    this.#dropped += 1;
    this.#dropsFromMs ??= heardMs;
    this.#gaps.note({ fromMs: this.#dropsFromMs, toMs: heardMs, reason: DROPPED });
  }

  #closeDrops(): void {
    this.#dropsFromMs = undefined;
  }

  async #keepLease(): Promise<void> {
    const { signal } = this.#stopping;
    let failed = false;
    while (!signal.aborted) {
      try {
        await this.#prepare();
        await this.#renew();
        await this.#gaps.save();
        if (this.#leader) await this.#readMail();
        failed = false;
      } catch (error) {
        if (!failed) this.#logger.warn("the console's store cannot be used; trying again", { error: String(error) });
        failed = true;
      }
      await sleep(this.#leader ? LEASE_BEAT : LEASE_BEAT / 2, signal).catch(() => undefined);
    }
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    await this.#lease.prepare();
    await this.#mail.prepare();
    await this.#gaps.load();
    this.#prepared = true;
  }

  async #renew(): Promise<void> {
    const { held, heardMs } = await this.#lease.ask(this.#wholeUntilMs());
    if (held === this.#leader) return;
    await this.#inTurn(() => {
      this.#leader = held;
      this.#forgetRecords();
      if (held) this.#takeOver(heardMs);
      return Promise.resolve();
    });
    this.#logger.info(held ? "this console writes what it hears" : "another console writes; this one stands by");
  }

  /** What is at hand may have been changed by the other since. */
  #forgetRecords(): void {
    this.#cache.clear();
    this.#standbyRecords.clear();
    this.#standbyLogs.clear();
  }

  /** Another console has the lease by now, and was told the same: what was to be written is for it to write, and for this one to show. */
  #standBack(unwritten: readonly HeardNews[] = []): void {
    this.#leader = false;
    this.#forgetRecords();
    this.#inbox.putBack(unwritten);
    this.#logger.info("another console writes; this one stands by");
  }

  /** Goes on from where the one before stopped: what this one heard since is still in its inbox. */
  #takeOver(heardMs: number | undefined): void {
    if (heardMs === undefined) return;
    this.#inbox.forgetBefore(heardMs);
    this.#before.takenOver(heardMs);
    const sinceMs = this.#listener.hearsSinceMs ?? Date.now();
    if (sinceMs - heardMs > UNBROKEN * 1000) {
      this.#gaps.note({ fromMs: heardMs, toMs: sinceMs, reason: "no console was listening" });
    }
  }

  /** Up to when all that was heard is written, in Unix milliseconds. */
  #wholeUntilMs(): number {
    const heardMs = this.#listener.isDeaf ? (this.#listener.heardMs ?? Date.now()) : Date.now();
    return Math.floor(Math.min(heardMs, this.#oldestUnwrittenMs() ?? heardMs));
  }

  #oldestUnwrittenMs(): number | undefined {
    return this.#lostMs ?? this.#writingMs ?? this.#inbox.oldestMs;
  }

  async #keepWriting(): Promise<void> {
    const { signal } = this.#stopping;
    let failed = false;
    while (!signal.aborted) {
      await sleep(this.#inbox.size >= BATCH && !failed ? 0 : GATHER, signal).catch(() => undefined);
      try {
        await (this.#leader ? this.#writeWaiting() : this.#showWaiting());
        failed = false;
      } catch (error) {
        if (!(signal.aborted || failed)) this.#logger.error("events could not be written", { error: String(error) });
        failed = true;
      }
    }
  }

  async #writeWaiting(): Promise<void> {
    if (this.#inbox.size === 0) return;
    if (!this.#lease.isFresh) {
      // The store did not take our signs of life: another console may have the lease by now.
      await this.#renew();
      if (!this.#leader) return;
    }
    await this.#inTurn(async () => {
      const news = this.#inbox.take(BATCH);
      this.#writingMs = news[0]?.heardMs;
      try {
        await this.#write(news);
      } catch (error) {
        if (error instanceof UnmetError) return this.#standBack(news);
        if (this.#stopping.signal.aborted) this.#lostMs ??= this.#writingMs;
        else
          this.#gaps.note({
            fromMs: this.#writingMs ?? Date.now(),
            toMs: Date.now(),
            reason: "events could not be written",
          });
        throw error;
      } finally {
        this.#writingMs = undefined;
      }
      if (this.#inbox.size < BATCH) this.#closeDrops();
    });
  }

  async #write(news: readonly HeardNews[]): Promise<void> {
    if (news.length === 0) return;
    const missing = await this.#writer.persistently(() => this.#before.notWritten(news));
    const batch = this.#build(missing, await this.#known(missing.map((each) => each.news.id)));
    const { logSeqs } = await this.#writer.write(batch);
    this.#concluded(batch, logSeqs);
    this.#meter.wrote((Date.now() - (news[0]?.heardMs ?? Date.now())) / 1000);
  }

  #concluded(batch: BuiltBatch, logSeqs: readonly number[]): void {
    for (const record of batch.records) this.#cache.set(record);
    for (const each of batch.merged) {
      // Those who count were told of it before this console took over.
      if ((each.heard.number ?? Number.POSITIVE_INFINITY) > this.#shown) this.#tellMerged(each);
      this.#tellWritten(each.before, each.after);
    }
    this.#publisher.logs(batch.logs, logSeqs);
    this.#show(batch.records);
  }

  /** A standby merges what it hears for those who look, and keeps it for a while in case it has to go on. */
  async #showWaiting(): Promise<void> {
    this.#inbox.forgetBefore(Date.now() - STANDBY_KEEPS * 1000);
    await this.#standbyLogs.show(Date.now());
    if (this.#inbox.after(this.#shown).length === 0) return;
    await this.#inTurn(async () => {
      const news = this.#inbox.after(this.#shown);
      if (this.#leader) return;
      const ids = [...new Set(news.map((each) => each.news.id))];
      const known = this.#standbyRecords.newest(ids, await this.#writer.read(ids));
      const { records, merged, logs } = this.#build(news, known);
      this.#shown = news.at(-1)?.number ?? this.#shown;
      this.#standbyRecords.keep(records);
      for (const each of merged) this.#tellMerged({ ...each, before: beforeAsHeard(each) });
      this.#standbyLogs.heard(logs, Date.now());
      this.#show(records);
    });
  }

  #build(news: readonly HeardNews[], known: ReadonlyMap<string, TaskRecord>): BuiltBatch {
    return buildBatch(news, {
      recordOf: (id) => known.get(id),
      nowMs: Date.now(),
      logLimit: this.#options.logBytesPerTask?.() ?? 256 * 1024,
    });
  }

  /** The records of these tasks, where there are any. Not left to the cache: one that is read may push out another that is needed too. */
  async #known(ids: readonly string[]): Promise<ReadonlyMap<string, TaskRecord>> {
    const known = new Map<string, TaskRecord>();
    const missing = new Set<string>();
    for (const id of ids) {
      const record = this.#cache.get(id);
      if (record) known.set(id, record);
      else missing.add(id);
    }
    if (missing.size === 0) return known;
    for (const record of await this.#writer.read([...missing])) known.set(record.id, record);
    return known;
  }

  async #read(id: string): Promise<TaskRecord | undefined> {
    return this.#cache.get(id) ?? (await this.#options.tasks.get(id));
  }

  async #readMail(): Promise<void> {
    await this.#inTurn(async () => {
      const letters = await this.#mail.read();
      if (letters.length === 0) return;
      if (await this.#writeFindings(letters)) await this.#mail.delete(letters);
    });
  }

  /** False when another console turned out to have the lease: nothing is written then. */
  async #writeFindings(
    findings: readonly { readonly id: string; readonly found: Partial<TaskRecord> }[],
  ): Promise<boolean> {
    const nowMs = Date.now();
    const known = await this.#known(findings.map(({ id }) => id));
    const records = new Map<string, TaskRecord>();
    const events = findings.flatMap(({ id, found }) => {
      const before = records.get(id) ?? known.get(id) ?? emptyRecord(id, nowMs);
      const after = this.#mergedFindings(before, found);
      records.set(id, after);
      // The timeline tells when a task was given up for lost; nobody sends an event for it.
      if (found.state !== "LOST" || after.state !== "LOST") return [];
      return [
        {
          taskId: id,
          type: "task-lost",
          atMs: nowMs,
          worker: after.worker ?? "",
          clock: -1,
          attempt: after.attempt,
          fieldsJson: "{}",
        },
      ];
    });
    const batch = { records: [...records.values()], events, logs: [], merged: [] };
    try {
      await this.#writer.write(batch);
    } catch (error) {
      if (!(error instanceof UnmetError)) throw error;
      this.#standBack();
      return false;
    }
    this.#concluded(batch, []);
    for (const record of batch.records) this.#tellWritten(known.get(record.id), record);
    return true;
  }

  #mergedFindings(record: TaskRecord, found: Partial<TaskRecord>): TaskRecord {
    const merged = mergeFindings(record, found, Date.now());
    return { ...merged, version: Math.max(merged.version + 1, Date.now()) };
  }

  #show(records: readonly TaskRecord[]): void {
    this.#publisher.records(records);
    for (const listener of this.#taskListeners) this.#safely("a listener to tasks", () => listener(records));
  }

  #tellMerged({ heard, before, after }: Merged): void {
    this.#tell({ ...heard.event, before, after });
  }

  #tellWritten(before: TaskRecord | undefined, after: TaskRecord): void {
    for (const listener of this.#mergeListeners) this.#safely("a listener to changes", () => listener(before, after));
  }

  #tell(event: HeardEvent): void {
    for (const listener of this.#eventListeners) this.#safely("a listener to events", () => listener(event));
  }

  #safely(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#logger.error(`${what} failed`, { error: String(error) });
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** What those who count may want, where it is small: the rest may be large, and the record has it. */
function smallMembers(fields: Fields): Fields {
  const { uuid, runtime, requeue, expired, terminated, clock, queue } = fields;
  const lovage = isFields(fields.lovage) ? fields.lovage : {};
  const ours = onlySmall({ queue: lovage.queue, deliveries: lovage.deliveries });
  return { ...onlySmall({ uuid, runtime, requeue, expired, terminated, clock, queue }), lovage: ours };
}

function onlySmall(fields: Fields): Fields {
  const isSmall = (value: unknown): boolean =>
    typeof value === "number" || typeof value === "boolean" || (typeof value === "string" && value.length <= 300);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isSmall(value)));
}

const DROPPED = "more events came than could be kept until they were written";
