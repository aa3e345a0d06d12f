/**
 * A task as the store keeps it. Instants are Unix milliseconds; null is "not known". All texts are redacted already.
 * `…Json` is exact JSON text; `args`, `kwargs`, `result` are texts for people.
 */
export interface TaskRecord {
  readonly id: string;
  readonly name: string | null;
  readonly state: string;
  readonly args: string | null;
  readonly kwargs: string | null;
  readonly argsJson: string | null;
  readonly kwargsJson: string | null;
  /** Where the exact arguments came from: `event`, `result`, `queue`, `job`. */
  readonly argsSource: string | null;
  readonly result: string | null;
  readonly resultJson: string | null;
  /** As in `ValueError('no')`. */
  readonly error: string | null;
  readonly traceback: string | null;
  /** Of its error group: see `error-fingerprint.ts`. */
  readonly fingerprint: string | null;
  readonly worker: string | null;
  readonly client: string | null;
  readonly queue: string | null;
  readonly exchange: string | null;
  readonly routingKey: string | null;
  readonly priority: number | null;
  readonly sentMs: number | null;
  readonly receivedMs: number | null;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly etaMs: number | null;
  readonly expiresMs: number | null;
  /** Seconds. */
  readonly runtime: number | null;
  readonly retries: number;
  /** `{current, total, message, counters}` */
  readonly progressJson: string | null;
  readonly rootId: string | null;
  readonly parentId: string | null;
  readonly groupId: string | null;
  readonly schedule: string | null;
  readonly job: string | null;
  readonly runId: string | null;
  readonly rerunOf: string | null;
  readonly revoked: boolean;
  readonly deliveries: number | null;
  readonly slot: string | null;
  readonly contentType: string | null;
  readonly sizeBytes: number | null;
  /** Seconds. */
  readonly timeLimit: number | null;
  readonly softTimeLimit: number | null;
  readonly stampsJson: string | null;
  /** Logical clock of the event that set the state. */
  readonly clock: number;
  /** What merging remembers of each kind of event (`merge-event.ts`): the store keeps the text and does not look into it. */
  readonly marksJson: string | null;
  /** Counts tries and redeliveries from 1. */
  readonly attempt: number;
  readonly logBytes: number;
  readonly logsCut: boolean;
  /** When the first news of it came; what lists sort by as "received" until it is received. */
  readonly firstMs: number;
  readonly updatedMs: number;
  /** Grows with each write of this record. */
  readonly version: number;
}

/** A record of which nothing but its id is known. */
export function emptyRecord(id: string, nowMs: number): TaskRecord {
  return {
    id,
    name: null,
    state: "PENDING",
    args: null,
    kwargs: null,
    argsJson: null,
    kwargsJson: null,
    argsSource: null,
    result: null,
    resultJson: null,
    error: null,
    traceback: null,
    fingerprint: null,
    worker: null,
    client: null,
    queue: null,
    exchange: null,
    routingKey: null,
    priority: null,
    sentMs: null,
    receivedMs: null,
    startedMs: null,
    finishedMs: null,
    etaMs: null,
    expiresMs: null,
    runtime: null,
    retries: 0,
    progressJson: null,
    rootId: null,
    parentId: null,
    groupId: null,
    schedule: null,
    job: null,
    runId: null,
    rerunOf: null,
    revoked: false,
    deliveries: null,
    slot: null,
    contentType: null,
    sizeBytes: null,
    timeLimit: null,
    softTimeLimit: null,
    stampsJson: null,
    clock: 0,
    marksJson: null,
    attempt: 1,
    logBytes: 0,
    logsCut: false,
    firstMs: nowMs,
    updatedMs: nowMs,
    version: 0,
  };
}

/** An event as it is kept, for the timeline, the attempts and the raw view. */
export interface StoredEvent {
  readonly taskId: string;
  readonly type: string;
  readonly atMs: number;
  readonly worker: string;
  readonly clock: number;
  readonly attempt: number;
  /** Its members, redacted, without those that the record holds better (at most 8 KiB). */
  readonly fieldsJson: string;
}

export interface StoredLog {
  readonly taskId: string;
  readonly atMs: number;
  readonly level: string;
  readonly message: string;
  readonly fieldsJson: string;
  readonly attempt: number;
  readonly worker: string | null;
}
