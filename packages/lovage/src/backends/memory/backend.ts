import type { Share } from "../../connections/connections.js";
import { BackendError } from "../../errors.js";
import { isReady } from "../../protocol/states.js";
import { encodeGroupMeta, encodeTaskMeta, type GroupMeta, type TaskMeta } from "../../protocol/task-meta.js";
import { type Clock, systemClock } from "../../util/clock.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { mayReplace } from "../replaces.js";
import { readStoredGroup, readStoredMeta } from "../stored-meta.js";
import { closedWhileWaiting, Waiters } from "../waiters.js";

interface Expiring {
  readonly expiresMs: number;
}
/** Kept as text, as elsewhere: a value that JSON cannot carry fails here too, and nobody shares an object with the store. */
interface KeptResult extends Expiring {
  readonly text: string;
  readonly status: string;
  readonly fence: number | undefined;
}
interface KeptGroup extends Expiring {
  readonly text: string;
}
interface CountedChord extends Expiring {
  readonly parts: Set<string>;
}

/** What the connections of one app to one `memory:` URL share. Gone with the last of them. */
class MemoryResults {
  readonly results = new Map<string, KeptResult>();
  readonly groups = new Map<string, KeptGroup>();
  readonly chords = new Map<string, CountedChord>();
  readonly waiters = new Set<Waiters>();
  async close(): Promise<void> {}
}

/** Results of this process, gone with it. For tests and for trying things out. */
export class MemoryBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities = {
    durable: false,
    shared: false,
    log: undefined,
    readers: "all",
    fencing: true,
    groups: true,
    expiry: "removed",
  };
  readonly #share: Share<MemoryResults>;
  readonly #kept: MemoryResults;
  readonly #lifetimeMs: number;
  readonly #clock: Clock;
  readonly #waiters = new Waiters();
  #closed = false;

  constructor({ url, connections, resultExpires, clock = systemClock }: BackendOptions) {
    this.#share = connections.share(
      `memory results ${url}`,
      (value) => value instanceof MemoryResults,
      () => new MemoryResults(),
    );
    this.#kept = this.#share.value;
    this.#lifetimeMs = resultExpires ? resultExpires * 1000 : Number.POSITIVE_INFINITY;
    this.#clock = clock;
    this.#kept.waiters.add(this.#waiters);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed();
    signal?.throwIfAborted();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#kept.waiters.delete(this.#waiters);
    this.#waiters.rejectAll(closedWhileWaiting());
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenClosed();
    const { taskId: id, status } = meta;
    const stored = this.#find(id);
    if (stored && !mayReplace(stored, fence)) return false;
    const text = encodeTaskMeta(meta);
    this.#kept.results.set(id, { text, status, fence: fence ?? stored?.fence, expiresMs: this.#expiry() });
    if (isReady(status)) for (const waiters of this.#kept.waiters) waiters.settle(id, text);
    return true;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    this.#refuseWhenClosed();
    const kept = this.#find(id);
    return kept && readStoredMeta(id, kept.text);
  }

  async forget(id: string): Promise<void> {
    this.#refuseWhenClosed();
    this.#kept.results.delete(id);
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenClosed();
    signal.throwIfAborted();
    const kept = this.#find(id);
    return kept && isReady(kept.status) ? readStoredMeta(id, kept.text) : await this.#waiters.wait(id, signal);
  }

  async saveGroup(group: GroupMeta): Promise<void> {
    this.#refuseWhenClosed();
    this.#kept.groups.set(group.groupId, { text: encodeGroupMeta(group), expiresMs: this.#expiry() });
  }

  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    this.#refuseWhenClosed();
    const kept = this.#kept.groups.get(id);
    return kept && this.#isCurrent(kept) ? readStoredGroup(id, kept.text) : undefined;
  }

  async countChordPart(groupId: string, partId: string): Promise<number> {
    this.#refuseWhenClosed();
    const counted = this.#kept.chords.get(groupId);
    const parts = counted && this.#isCurrent(counted) ? counted.parts : new Set<string>();
    this.#kept.chords.set(groupId, { parts: parts.add(partId), expiresMs: this.#expiry() });
    return parts.size;
  }

  async removeExpired(now: Date): Promise<number> {
    this.#refuseWhenClosed();
    const nowMs = now.getTime();
    removeExpiredFrom(this.#kept.groups, nowMs);
    removeExpiredFrom(this.#kept.chords, nowMs);
    return removeExpiredFrom(this.#kept.results, nowMs);
  }

  #find(id: string): KeptResult | undefined {
    const kept = this.#kept.results.get(id);
    return kept && this.#isCurrent(kept) ? kept : undefined;
  }

  #isCurrent({ expiresMs }: Expiring): boolean {
    return expiresMs > this.#clock.now().getTime();
  }

  #expiry(): number {
    return this.#clock.now().getTime() + this.#lifetimeMs;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BackendError("the result backend was closed", { code: "backend_closed" });
  }
}

function removeExpiredFrom(kept: Map<string, Expiring>, nowMs: number): number {
  const before = kept.size;
  for (const [id, { expiresMs }] of kept) if (expiresMs <= nowMs) kept.delete(id);
  return before - kept.size;
}
