import type { RedisServer } from "../../connections/redis.js";
import { CONTROL_EXCHANGE, REPLY_EXCHANGE } from "../../protocol/control.js";
import type { Message } from "../../protocol/message.js";
import type { Logger } from "../../util/logger.js";
import type { Broadcast, BroadcastChannel, Subscription } from "../broker.js";
import { matchesTopic } from "../topic-pattern.js";
import { decodeEnvelope, encodeEnvelope } from "./envelope.js";
import type { KeyWatch } from "./key-watch.js";
import { bindingKey, bindingMember, fanoutChannel, listKeys } from "./keys.js";
import type { RedisTransport } from "./options.js";
import type { RedisPublisher } from "./publisher.js";
import { bytesOf, listOf } from "./replies.js";
import { translated } from "./translate.js";

type OnMessage = (message: Message, routingKey: string) => void;

export interface RedisBroadcastParts {
  readonly server: RedisServer;
  readonly transport: RedisTransport;
  readonly publisher: RedisPublisher;
  readonly watch: KeyWatch;
  readonly logger: Logger;
  readonly refuseWhenClosed: () => void;
}

const EVENT_EXCHANGE = "celeryev";
/** Replies read at a time. */
const READ_COUNT = 100;
/** Milliseconds between looks for replies where changes are not told, and as a net. */
const POLL_MS = { untold: 100, net: 3000 } as const;

/** Celery's events and control as pub/sub channels, its replies as lists (celery-protocol 4.7 and 4.8). */
export class RedisBroadcast implements Broadcast {
  readonly #parts: RedisBroadcastParts;
  readonly #subscriptions = new Set<Subscription>();
  #closed = false;

  constructor(parts: RedisBroadcastParts) {
    this.#parts = parts;
  }

  async publish(channel: BroadcastChannel, routingKey: string, message: Message): Promise<void> {
    const { server, transport, publisher, refuseWhenClosed } = this.#parts;
    refuseWhenClosed();
    if (channel === "replies") {
      await publisher.publish(message, { exchange: REPLY_EXCHANGE, routingKey, mandatory: false });
      return;
    }
    const exchange = channel === "events" ? EVENT_EXCHANGE : CONTROL_EXCHANGE;
    const key = channel === "events" ? routingKey : "";
    const envelope = encodeEnvelope(message, { exchange, routingKey: key }, Date.now());
    await translated(server.call("publish", [fanoutChannel(transport, server.db, exchange, key), envelope]));
  }

  async subscribe(channel: BroadcastChannel, pattern: string, onMessage: OnMessage): Promise<Subscription> {
    this.#parts.refuseWhenClosed();
    const hear = this.#guarded(onMessage);
    const stop = await translated(
      channel === "replies"
        ? this.#collect(pattern, hear)
        : channel === "events"
          ? this.#hearEvents(pattern, hear)
          : this.#hearControl(hear),
    );
    let cancelled = false;
    const subscription: Subscription = {
      cancel: async () => {
        if (cancelled) return;
        cancelled = true;
        this.#subscriptions.delete(subscription);
        await stop();
      },
    };
    this.#subscriptions.add(subscription);
    // Closed meanwhile: this one would never be told to end.
    if (this.#closed) await subscription.cancel();
    this.#parts.refuseWhenClosed();
    return subscription;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.cancel()));
  }

  #guarded(onMessage: OnMessage): (raw: Buffer) => void {
    return (raw) => {
      const { sound, message, routingKey } = decodeEnvelope(raw);
      if (!sound) return this.#parts.logger.debug("a broadcast is no message of Celery's");
      try {
        onMessage(message, routingKey);
      } catch (error) {
        this.#parts.logger.error("a broadcast's listener threw", { error: String(error) });
      }
    };
  }

  async #hearEvents(pattern: string, hear: (raw: Buffer) => void): Promise<() => Promise<void>> {
    const { server, transport } = this.#parts;
    // Redis's patterns are coarser than AMQP's: up to the first wildcard here, the rest below.
    const start = pattern.replace(/(^|\.)[#*](\..*)?$/s, "");
    const channel = fanoutChannel(transport, server.db, EVENT_EXCHANGE, "");
    const all = `${globEscaped(channel)}${transport.fanoutPatterns ? `${start === "" ? "" : globEscaped(`/${start}`)}*` : ""}`;
    const stop = await server.subscriber.psubscribe(all, (payload) => {
      const raw = bytesOf(payload);
      if (matchesTopic(pattern, decodeEnvelope(raw).routingKey)) hear(raw);
    });
    return async () => stop();
  }

  async #hearControl(hear: (raw: Buffer) => void): Promise<() => Promise<void>> {
    const { server, transport } = this.#parts;
    const channel = fanoutChannel(transport, server.db, CONTROL_EXCHANGE, "");
    const stop = await server.subscriber.subscribe(channel, (payload) => hear(bytesOf(payload)));
    return async () => stop();
  }

  /** Replies wait in lists that are bound to their key; who read them takes both away. */
  async #collect(key: string, hear: (raw: Buffer) => void): Promise<() => Promise<void>> {
    const { server, transport, watch } = this.#parts;
    await watch.start();
    const queue = `${key}.${REPLY_EXCHANGE}`;
    const bindings = bindingKey(transport, REPLY_EXCHANGE);
    const member = bindingMember(transport, { routingKey: key, pattern: "", queue });
    const keys = listKeys(transport, queue);
    await server.call("sadd", [bindings, member], { idempotent: true });
    const reader = new ReplyReader(server, watch, keys, hear);
    reader.start();
    return async () => {
      reader.stop();
      const gone = [server.call("srem", [bindings, member]), server.call("del", keys)];
      await Promise.allSettled(gone);
    };
  }
}

/** Reads lists to their end whenever they change. */
class ReplyReader {
  readonly #server: RedisServer;
  readonly #watch: KeyWatch;
  readonly #keys: readonly string[];
  readonly #hear: (raw: Buffer) => void;
  #stops: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #again = false;
  #stopped = false;

  constructor(server: RedisServer, watch: KeyWatch, keys: readonly string[], hear: (raw: Buffer) => void) {
    this.#server = server;
    this.#watch = watch;
    this.#keys = keys;
    this.#hear = hear;
  }

  start(): void {
    this.#stops = [this.#watch.listen(this.#keys, () => this.#wake()), this.#server.commands.hold()];
    this.#wake();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops.splice(0)) stop();
  }

  #wake(): void {
    this.#again = true;
    if (!this.#reading && !this.#stopped) void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    clearTimeout(this.#timer);
    let told = false;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const looking = this.#watch.look(this.#keys);
      const count = await this.#readOnce();
      told = await looking;
      if (count > 0) this.#again = true;
    }
    this.#reading = false;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#wake(), told ? POLL_MS.net : POLL_MS.untold);
  }

  /** How many there were; none while the server cannot be reached. */
  async #readOnce(): Promise<number> {
    const asked = this.#keys.map((key) => this.#server.call("rpop", [key, READ_COUNT], { buffers: true }));
    // All of them: what one has brought counts though another met the end of the connection, and none may be left to reject unheard.
    const replies = await Promise.allSettled(asked);
    const found = replies.flatMap((reply) => (reply.status === "fulfilled" ? listOf(reply.value) : []));
    for (const raw of found) if (!this.#stopped) this.#hear(bytesOf(raw));
    return found.length;
  }
}

function globEscaped(text: string): string {
  return text.replace(/[\\*?[\]^]/g, "\\$&");
}
