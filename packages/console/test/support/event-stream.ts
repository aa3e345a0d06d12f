import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";

export interface HeardEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** A client of the live stream that keeps what it hears. */
export class StreamListener {
  readonly events: HeardEvent[] = [];
  readonly comments: string[] = [];
  /** All that were told, with data or without. */
  readonly ids: string[] = [];
  /** As a browser's `Last-Event-ID` would be. */
  lastId: string | undefined;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #waiting = new Set<() => void>();
  ended = false;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.#response = response;
    let rest = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      rest += text;
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#read(block);
      this.#wake();
    });
    const end = (): void => {
      this.ended = true;
      this.#wake();
    };
    response.on("end", end);
    response.on("error", end);
    response.on("close", end);
  }

  /** Resolves once the stream stands: its first lines have come. `origin` may have the console's prefix. */
  static async open(
    origin: string,
    topics: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<StreamListener> {
    const { hostname, port, pathname } = new URL(origin);
    const path = `${pathname}api/v1/events?topics=${encodeURIComponent(topics)}`;
    const listener = await new Promise<StreamListener>((resolve, reject) => {
      const request = httpRequest({ hostname, port, path, headers, agent: false }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`the stream was answered ${response.statusCode}`));
        else resolve(new StreamListener(request, response));
      });
      request.on("error", reject);
      request.end();
    });
    onTestFinished(() => listener.close());
    await listener.until(() => listener.lastId !== undefined);
    return listener;
  }

  get headers() {
    return this.#response.headers;
  }

  /** Waits for what has come to be as the test wants it. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async untilEnded(): Promise<void> {
    await this.until(() => this.ended);
  }

  /** Takes nothing more until `resume`. */
  pause(): void {
    this.#response.pause();
  }
  resume(): void {
    this.#response.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  #read(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      if (line.startsWith(":")) this.comments.push(line);
      const [, name, value] = /^(\w+): (.*)$/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) fields.set(name, value);
    }
    const id = fields.get("id");
    if (id !== undefined) {
      this.lastId = id;
      this.ids.push(id);
    }
    const data = fields.get("data");
    if (data !== undefined)
      this.events.push({ id: id ?? "", event: fields.get("event") ?? "message", data: JSON.parse(data) });
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
