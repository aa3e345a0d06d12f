import type { ServerResponse } from "node:http";
import type { LiveEntry } from "./live-entry.js";

/** Who opens a stream, and for what. */
export interface StreamRequest {
  readonly response: ServerResponse;
  readonly topics: readonly string[];
  /** Of the last event the client has, if it had a stream before. */
  readonly lastEventId: string | undefined;
  readonly seesPayloads: boolean;
  /** Asked every 15 s and when sessions end: false ends the stream (logged out, disabled, expired, another role). */
  stillAllowed(): Promise<boolean>;
}

/**
 * Bytes waiting for one client beyond which it is told to begin anew: seconds of the busiest stream, and more than a quarter second's
 * updates that are written at once. The buffers are those of all clients, so many slow ones hold little more than one does.
 */
const MOST_WAITING_BYTES = 2 * 1024 * 1024;
/** A client that takes nothing for so long is gone. */
const STALLED_MS = 60_000;

/**
 * One open stream. It writes shared buffers and never keeps its own: while more than 2 MiB wait in the socket, events are dropped and
 * counted as missed; once the socket has drained the client gets `resync` and goes on with what is new.
 */
export class StreamClient {
  readonly seesPayloads: boolean;
  readonly topics: ReadonlySet<string>;
  readonly #response: ServerResponse;
  readonly #request: StreamRequest;
  #missed = false;
  #stalled: NodeJS.Timeout | undefined;

  constructor(request: StreamRequest, onClose: () => void) {
    this.#request = request;
    this.#response = request.response;
    this.seesPayloads = request.seesPayloads;
    this.topics = new Set(request.topics);
    this.#response.on("close", () => {
      clearTimeout(this.#stalled);
      onClose();
    });
    // A reset connection: "close" follows, nobody is left to be told.
    this.#response.on("error", () => undefined);
  }

  /** Sends the headers at once, so that the browser knows that the stream stands. */
  begin(): void {
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // nginx would hold events back until its buffer is full.
      "x-accel-buffering": "no",
    });
    this.#response.flushHeaders();
  }

  /** Whether events are dropped for it now. */
  get lags(): boolean {
    return this.#missed;
  }

  send(entry: LiveEntry): void {
    const bytes = entry.bytes(this.seesPayloads);
    if (bytes !== undefined) this.write(bytes);
  }

  write(bytes: Uint8Array | string): void {
    if (this.#missed || this.#response.writableEnded || this.#response.destroyed) return;
    if (this.#response.writableLength > MOST_WAITING_BYTES) {
      this.#missed = true;
      // Only a client that takes something again is worth telling; one that does not is cut off, and its buffer goes.
      this.#stalled = setTimeout(() => this.#response.destroy(), STALLED_MS);
      return;
    }
    this.#response.write(bytes);
  }

  /** Calls `resume` once what waited has been taken, if anything was dropped. */
  onDrained(resume: () => void): void {
    this.#response.on("drain", () => {
      if (!this.#missed) return;
      this.#missed = false;
      clearTimeout(this.#stalled);
      resume();
    });
  }

  async stillAllowed(): Promise<boolean> {
    return this.#request.stillAllowed();
  }

  end(): void {
    this.#response.end();
    // What a slow client has not taken by now it will not get; the socket must not outlive the console.
    if (this.#response.writableLength > 0) setTimeout(() => this.#response.destroy(), 1000).unref();
  }
}
