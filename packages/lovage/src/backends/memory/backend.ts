import type { Share } from "../../connections/connections.js";
import { BackendError } from "../../errors.js";
import { isReady } from "../../protocol/states.js";
import { decodeTaskMeta, encodeTaskMeta, type GroupMeta, type TaskMeta } from "../../protocol/task-meta.js";
import type { BackendCapabilities, BackendOptions, ResultBackend, StoreOptions } from "../backend.js";
import { Waiters } from "../waiters.js";

interface Kept {
  readonly meta: string;
  readonly status: string;
  readonly fence: number;
  readonly expiresMs: number;
}

/** What the connections of one app to one `memory:` URL share. */
class MemoryResults {
  readonly tasks = new Map<string, Kept>();
  readonly groups = new Map<string, { readonly group: GroupMeta; readonly expiresMs: number }>();
  readonly chordParts = new Map<string, { readonly parts: Set<string>; expiresMs: number }>();
  readonly listeners = new Set<(id: string, text: string) => void>();
  async close(): Promise<void> {}
}

/** Results of this process, gone with it. For tests and for trying things out. */
export class MemoryBackend implements ResultBackend {
  readonly capabilities: BackendCapabilities = { durable: false, shared: false };
  readonly #share: Share<MemoryResults>;
  readonly #results: MemoryResults;
  readonly #lifetimeMs: number;
  readonly #waiters = new Waiters();
  #closed = false;

  constructor({ url, connections, resultExpires }: BackendOptions) {
    this.#share = connections.share(
      `memory results ${url}`,
      (value) => value instanceof MemoryResults,
      () => new MemoryResults(),
    );
    this.#results = this.#share.value;
    this.#lifetimeMs = resultExpires ? resultExpires * 1000 : Number.POSITIVE_INFINITY;
    this.#results.listeners.add(this.#settle);
  }

  async connect(): Promise<void> {
    this.#refuseWhenClosed();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#results.listeners.delete(this.#settle);
    this.#waiters.rejectAll();
    await this.#share.release();
  }

  async store(meta: TaskMeta, { fence = 0 }: StoreOptions = {}): Promise<boolean> {
    this.#refuseWhenClosed();
    const stored = this.#kept(meta.taskId);
    if (stored && !mayReplace(stored, fence)) return false;
    // Kept as text, as elsewhere: a value that JSON cannot carry fails here too, and nobody shares an object with the store.
    const text = encodeTaskMeta(meta);
    this.#results.tasks.set(meta.taskId, {
      meta: text,
      status: meta.status,
      fence: Math.max(fence, stored?.fence ?? 0),
      expiresMs: Date.now() + this.#lifetimeMs,
    });
    if (isReady(meta.status)) for (const tell of this.#results.listeners) tell(meta.taskId, text);
    return true;
  }

  async get(id: string): Promise<TaskMeta | undefined> {
    this.#refuseWhenClosed();
    const kept = this.#kept(id);
    return kept && decodeTaskMeta(kept.meta);
  }

  async forget(id: string): Promise<void> {
    this.#refuseWhenClosed();
    this.#results.tasks.delete(id);
  }

  async wait(id: string, signal: AbortSignal): Promise<TaskMeta> {
    this.#refuseWhenClosed();
    signal.throwIfAborted();
    const kept = this.#kept(id);
    return kept && isReady(kept.status) ? decodeTaskMeta(kept.meta) : await this.#waiters.wait(id, signal);
  }

  async saveGroup(group: GroupMeta): Promise<void> {
    this.#refuseWhenClosed();
    this.#results.groups.set(group.groupId, { group, expiresMs: Date.now() + this.#lifetimeMs });
  }

  async restoreGroup(id: string): Promise<GroupMeta | undefined> {
    this.#refuseWhenClosed();
    const saved = this.#results.groups.get(id);
    return saved && saved.expiresMs > Date.now() ? saved.group : undefined;
  }

  async countChordPart(groupId: string, partId: string): Promise<number> {
    this.#refuseWhenClosed();
    const counted = this.#results.chordParts.get(groupId) ?? { parts: new Set(), expiresMs: 0 };
    this.#results.chordParts.set(groupId, counted);
    counted.parts.add(partId);
    counted.expiresMs = Date.now() + this.#lifetimeMs;
    return counted.parts.size;
  }

  async removeExpired(now: Date): Promise<number> {
    this.#refuseWhenClosed();
    let removed = 0;
    for (const [id, { expiresMs }] of this.#results.tasks) {
      if (expiresMs <= now.getTime() && this.#results.tasks.delete(id)) removed++;
    }
    for (const kept of [this.#results.groups, this.#results.chordParts]) {
      for (const [id, { expiresMs }] of kept) if (expiresMs <= now.getTime()) kept.delete(id);
    }
    return removed;
  }

  readonly #settle = (id: string, text: string): void => {
    if (this.#waiters.isAwaited(id)) this.#waiters.settle(decodeTaskMeta(text));
  };

  #kept(id: string): Kept | undefined {
    const kept = this.#results.tasks.get(id);
    return kept && kept.expiresMs > Date.now() ? kept : undefined;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BackendError("the result backend was closed", { code: "backend_closed" });
  }
}

function mayReplace(stored: Kept, fence: number): boolean {
  if (fence > stored.fence) return true;
  return stored.status !== "SUCCESS" && (fence === 0 || fence >= stored.fence);
}
