import { encodeJsonText } from "../http/json-text.js";
import { hidePayloads, type LiveEvent } from "./hide-payloads.js";

/**
 * One event of the stream, encoded when the first client needs it and at most twice: whole, and without payloads. All clients get the
 * same buffers.
 */
export class LiveEntry {
  /** Grows from event to event. */
  readonly number: number;
  readonly topic: string;
  readonly atMs: number;
  readonly #id: string;
  readonly #live: LiveEvent;
  #whole: Buffer | undefined;
  #hidden: Buffer | undefined;

  constructor(entry: {
    readonly number: number;
    readonly id: string;
    readonly topic: string;
    readonly live: LiveEvent;
    readonly atMs: number;
  }) {
    this.number = entry.number;
    this.topic = entry.topic;
    this.atMs = entry.atMs;
    this.#id = entry.id;
    this.#live = entry.live;
  }

  /** Undefined for an event that someone who may not see payloads does not get at all. */
  bytes(seesPayloads: boolean): Buffer | undefined {
    return seesPayloads ? this.#wholeBytes() : this.#hiddenBytes();
  }

  #wholeBytes(): Buffer {
    this.#whole ??= encodeEvent(this.#id, this.#live.event, this.#live.data);
    return this.#whole;
  }

  #hiddenBytes(): Buffer | undefined {
    if (this.#hidden !== undefined) return this.#hidden;
    const shown = hidePayloads(this.#live);
    if (shown === undefined) return undefined;
    // What has nothing to hide is the same object: then the same buffer serves both.
    this.#hidden = shown === this.#live.data ? this.#wholeBytes() : encodeEvent(this.#id, this.#live.event, shown);
    return this.#hidden;
  }
}

/** `id:`, `event:` and `data:` lines and a blank one (HTML Standard, "Server-sent events"). JSON has no line breaks of its own. */
export function encodeEvent(id: string, event: string, data: unknown): Buffer {
  return Buffer.from(`id: ${id}\nevent: ${event}\ndata: ${encodeJsonText(data)}\n\n`);
}
