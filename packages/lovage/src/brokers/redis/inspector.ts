import { createHash } from "node:crypto";
import type { Delivery, PeekedMessage, QueueCounts, QueueDefinition, QueueInspector } from "../broker.js";
import { RedisDelivery } from "./delivery.js";
import { decodeEnvelope } from "./envelope.js";
import type { RedisHolds } from "./holds.js";
import { bytesOf, listOf, textOf } from "./replies.js";
import type { BrokerScripts } from "./scripts.js";
import type { RedisTopology } from "./topology.js";

export interface RedisInspectorParts {
  readonly scripts: BrokerScripts;
  readonly topology: RedisTopology;
  readonly holds: RedisHolds;
  readonly leaseSeconds: number;
  readonly refuseWhenClosed: () => void;
}

export class RedisInspector implements QueueInspector {
  readonly #parts: RedisInspectorParts;

  constructor(parts: RedisInspectorParts) {
    this.#parts = parts;
  }

  async list(): Promise<string[]> {
    this.#parts.refuseWhenClosed();
    return await this.#parts.topology.list();
  }

  async counts(queue: string): Promise<QueueCounts | undefined> {
    this.#parts.refuseWhenClosed();
    const { scripts, topology } = this.#parts;
    let reply = listOf(await scripts.run("counts", [queue]));
    if (reply.length === 0 && (await topology.find(queue))) reply = listOf(await scripts.run("counts", [queue]));
    const [ready, unacked, scheduled, consumers, ...heads] = reply;
    if (ready === undefined) return undefined;
    return {
      ready: Number(ready),
      unacked: Number(unacked),
      scheduled: Number(scheduled),
      oldest: oldestOf(heads.map(textOf)),
      consumers: Number(consumers),
    };
  }

  async definition(queue: string): Promise<QueueDefinition | undefined> {
    this.#parts.refuseWhenClosed();
    return await this.#parts.topology.definition(queue);
  }

  async peek(queue: string, { limit, offset = 0 }: { limit: number; offset?: number }): Promise<PeekedMessage[]> {
    this.#parts.refuseWhenClosed();
    const rows = listOf(await this.#parts.scripts.run("peek", [queue, limit, offset], { buffers: true }));
    const peeked: PeekedMessage[] = [];
    for (let at = 0; at + 3 < rows.length; at += 4) {
      const [state, where, due] = [textOf(rows[at]), textOf(rows[at + 1]), textOf(rows[at + 2])];
      peeked.push(peekedMessage(queue, { state, where, due, raw: bytesOf(rows[at + 3]) }));
    }
    return peeked;
  }

  async take(queue: string, keys: readonly string[]): Promise<Delivery[]> {
    this.#parts.refuseWhenClosed();
    const { scripts, holds, leaseSeconds } = this.#parts;
    const wanted = keys.flatMap((key) => /^([rs]):(.+)$/s.exec(key)?.slice(1, 3) ?? []);
    if (wanted.length === 0) return [];
    const args = [holds.connection, Math.round(leaseSeconds * 1000), queue, ...wanted];
    const rows = listOf(await scripts.run("pick", args, { buffers: true }));
    const taken: { index: number; delivery: Delivery }[] = [];
    for (let at = 0; at + 3 < rows.length; at += 4) {
      const [token, step] = [textOf(rows[at + 1]), textOf(rows[at + 2])];
      const tag = `lovage:${holds.connection}:${token}+0:${step}:${queue}`;
      const each = { queue, tag, token: Number(token), envelope: bytesOf(rows[at + 3]) };
      taken.push({ index: Number(rows[at]), delivery: new RedisDelivery(each, holds, () => undefined) });
    }
    return taken.sort((a, b) => a.index - b.index).map(({ delivery }) => delivery);
  }

  async purge(queue: string): Promise<number> {
    this.#parts.refuseWhenClosed();
    return Number(await this.#parts.scripts.run("purge", [queue]));
  }

  async delete(queue: string): Promise<void> {
    this.#parts.refuseWhenClosed();
    await this.#parts.topology.remove(queue);
  }
}

/** The earliest of the instants that the heads of the lists begin with; messages of others have none. */
function oldestOf(heads: readonly string[]): Date | undefined {
  const instants = heads.flatMap((head) => /^\{"lovage": \[\d+, \d+, (\d+)/.exec(head)?.[1] ?? []).map(Number);
  return instants.length === 0 ? undefined : new Date(Math.min(...instants));
}

interface PeekedRow {
  readonly state: string;
  /** The token of one that is scheduled, the tag of one that is held. */
  readonly where: string;
  readonly due: string;
  readonly raw: Buffer;
}

function peekedMessage(queue: string, { state, where, due, raw }: PeekedRow): PeekedMessage {
  const envelope = decodeEnvelope(state === "unacked" ? savedEnvelope(raw) : raw);
  const { message, deliveries, readySinceMs, deliveryTag } = envelope;
  const published = readySinceMs === undefined ? undefined : new Date(readySinceMs);
  const common = { message, queue, published };
  if (state === "scheduled")
    return { ...common, state, key: `s:${due}:${where}`, eta: new Date(Number(due)), deliveries };
  if (state === "unacked") return { ...common, state, key: `u:${where}`, eta: undefined, deliveries: deliveries + 1 };
  const name = deliveryTag ?? createHash("sha1").update(raw).digest("hex");
  return { ...common, state: "ready", key: `r:${name}`, eta: undefined, deliveries };
}

/** The first part of `[envelope, exchange, routing key]`. */
function savedEnvelope(saved: Buffer): Buffer {
  const text = saved.toString();
  const cut = /,\s*"(?:[^"\\]|\\.)*"\s*,\s*"(?:[^"\\]|\\.)*"\s*\]\s*$/.exec(text.slice(-2000));
  return cut ? Buffer.from(text.slice(1, text.length - cut[0].length)) : saved;
}
