import { isReady } from "lovage/internal";
import { RecentNames } from "../store/recent-names.js";
import { label, OTHER, type SeriesName, WHOLE } from "../store/series-names.js";
import type { SeriesStore } from "../store/series-store.js";
import type { TaskRecord } from "../store/task-record.js";
import { waitOf } from "../tasks/task-summary.js";
import type { EventIngest } from "./event-ingest.js";

/** Names of one kind that get lines of their own; the rest is `other`. */
const MAX_NAMES = 1000;
/** Milliseconds after which a name that is not heard of any more gives up its line: workers are often named after what they run in. */
const NAME_KEPT_MS = 3600_000;
/** Milliseconds that an event may lie back to be counted: what series keep at most. */
const OLDEST_MS = 90 * 86_400_000;

/** Fills the series from what becomes of tasks. Counts by the instants of the events, not of their arrival. */
export class SeriesFeed {
  readonly #series: SeriesStore;
  readonly #names = new Map<string, RecentNames>();
  readonly #unsubscribe: () => void;
  readonly #nowMs: () => number;

  constructor(options: {
    readonly ingest: Pick<EventIngest, "onMerged">;
    readonly series: SeriesStore;
    readonly nowMs?: () => number;
  }) {
    this.#series = options.series;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#unsubscribe = options.ingest.onMerged((before, after) => this.note(before, after));
  }

  /** No more is counted. */
  stop(): void {
    this.#unsubscribe();
  }

  /** A record before and after a change. */
  note(before: TaskRecord | undefined, after: TaskRecord): void {
    const was = before !== undefined && isReady(before.state);
    const is = isReady(after.state);
    if (is && !(was && before.state === after.state)) {
      // One end in place of another, as when a failed run was followed by one that succeeded: it is not two tasks.
      if (was) this.#countEnd(before, -1);
      this.#countEnd(after, 1);
      this.#observeRuntime(after);
    }
    if (after.startedMs !== null && before?.startedMs !== after.startedMs)
      this.#count("started", after.startedMs, [WHOLE, ...this.#of(after, ["queue", "worker"])]);
    this.#noteWait(before, after);
  }

  /** Once for each start, as soon as both its ends are known: the sender's news often come after the worker's. */
  #noteWait(before: TaskRecord | undefined, after: TaskRecord): void {
    const { startedMs } = after;
    const wait = waitOf(after);
    if (wait === null || startedMs === null || !this.#isRecent(startedMs)) return;
    if (before?.startedMs === startedMs && waitOf(before) !== null) return;
    for (const of of [WHOLE, ...this.#of(after, ["task", "queue"])]) this.#series.observe("wait", of, wait, startedMs);
  }

  #countEnd(record: TaskRecord, by: number): void {
    const atMs = record.finishedMs ?? record.updatedMs;
    const state = this.#known("state", record.state);
    const own = this.#of(record, ["task", "queue"]);
    this.#count("finished", atMs, [label("state", state), ...own.map((of) => `${label("state", state)}|${of}`)], by);
    const all = [WHOLE, ...own, ...this.#of(record, ["worker"])];
    this.#count("ended", atMs, all, by);
    if (record.state === "FAILURE") this.#count("failed", atMs, all, by);
  }

  #observeRuntime(record: TaskRecord): void {
    const atMs = record.finishedMs ?? record.updatedMs;
    if (record.runtime === null || !this.#isRecent(atMs)) return;
    for (const of of [WHOLE, ...this.#of(record, ["task", "queue", "worker"])])
      this.#series.observe("runtime", of, record.runtime, atMs);
  }

  #count(metric: SeriesName, atMs: number, labels: readonly string[], by = 1): void {
    if (this.#isRecent(atMs)) for (const of of labels) this.#series.count(metric, of, by, atMs);
  }

  #isRecent(atMs: number): boolean {
    const nowMs = this.#nowMs();
    return atMs > nowMs - OLDEST_MS && atMs < nowMs + 60_000;
  }

  /** Labels of what is known of the record. */
  #of({ name, queue, worker }: TaskRecord, kinds: readonly ("task" | "queue" | "worker")[]): readonly string[] {
    const values = { task: name, queue, worker };
    return kinds.flatMap((kind) => {
      const value = values[kind];
      return value === null ? [] : [label(kind, this.#known(kind, value))];
    });
  }

  #known(kind: string, name: string): string {
    let names = this.#names.get(kind);
    if (!names) {
      names = new RecentNames({ most: MAX_NAMES, keptMs: NAME_KEPT_MS });
      this.#names.set(kind, names);
    }
    return names.has(name, this.#nowMs()) ? name : OTHER;
  }
}
