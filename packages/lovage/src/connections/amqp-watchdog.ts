import { type ClientChannel, type ClientConnection, socketOf } from "./amqp-client.js";

/** Seconds between questions to the broker. */
const INTERVAL = 2;
/** Seconds of silence, with a question open, after which nobody is there. */
const SILENCE = 6;
/** Seconds for an answer while other bytes come: a busy broker is slow, one that never answers is broken. */
const ANSWER = 40;

export interface WatchdogOptions {
  /** While RabbitMQ takes no messages it reads nothing, so that it cannot answer either; its heartbeats go on. */
  readonly isBlocked: () => boolean;
  readonly dead: (why: string) => void;
}

/**
 * Notices a connection that is open but dead, sooner than heartbeats do and also when only those still come: asks something
 * harmless every other second, on a channel of its own.
 */
export class AmqpWatchdog {
  readonly #connection: ClientConnection;
  readonly #options: WatchdogOptions;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #asking = false;
  #askedMs = 0;
  #progressMs = performance.now();
  #tickMs = performance.now();
  #bytesRead = -1;
  #bytesSent = -1;
  #channel: ClientChannel | undefined;

  constructor(connection: ClientConnection, options: WatchdogOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#tickMs = performance.now();
    this.#timer = setTimeout(() => {
      // After what is in the socket's buffer was read: a process that was frozen must not blame the broker.
      setImmediate(() => setImmediate(() => this.#look()));
    }, INTERVAL * 1000).unref();
  }

  #look(): void {
    if (this.#stopped) return;
    const nowMs = performance.now();
    const late = nowMs - this.#tickMs > INTERVAL * 1000 + 1000;
    if (late || this.#options.isBlocked() || this.#moved()) this.#progressMs = nowMs;
    if (late || this.#options.isBlocked()) this.#askedMs = nowMs;
    if (this.#asking && nowMs - this.#progressMs > SILENCE * 1000) {
      this.#dead(`nothing came for ${SILENCE} s`);
      return;
    }
    if (this.#asking && nowMs - this.#askedMs > ANSWER * 1000) {
      this.#dead(`it did not answer for ${ANSWER} s`);
      return;
    }
    if (!this.#asking && !this.#options.isBlocked()) void this.#ask();
    this.#schedule();
  }

  #dead(why: string): void {
    this.stop();
    this.#options.dead(why);
  }

  /**
   * Whether bytes came since the last look. Those that went prove nothing, a kernel takes them for a peer that is long gone; unless
   * more wait behind them than it has room for: then somebody reads.
   */
  #moved(): boolean {
    const socket = socketOf(this.#connection);
    if (!socket) return true;
    const sent = socket.bytesWritten - socket.writableLength;
    const moved = socket.bytesRead !== this.#bytesRead || (socket.writableLength > 0 && sent !== this.#bytesSent);
    this.#bytesRead = socket.bytesRead;
    this.#bytesSent = sent;
    return moved;
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    this.#askedMs = performance.now();
    try {
      this.#channel ??= await this.#openChannel();
      // Changes nothing: nobody consumes on this channel.
      await this.#channel.prefetch(1);
    } catch {
      this.#channel = undefined;
    }
    this.#asking = false;
  }

  async #openChannel(): Promise<ClientChannel> {
    const channel = await this.#connection.createChannel();
    channel.on("error", () => undefined);
    channel.on("close", () => {
      this.#channel = undefined;
    });
    return channel;
  }
}
