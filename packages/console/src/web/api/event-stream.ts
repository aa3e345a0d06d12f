/** One event of a `text/event-stream`, as the HTML standard defines it ("Server-sent events"). */
export interface StreamEvent {
  readonly event: string;
  /** "" where there is but an id: a place in the stream, from which it can be taken up again. */
  readonly data: string;
  readonly id: string | undefined;
}

/**
 * Reads the events of a response as they come. `onBytes` is called for everything that arrives, comments too:
 * they are how a quiet server shows that it is alive.
 */
export async function* readEventStream(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.releaseLock();
  }
}

/** Undefined for a block that has neither data nor an id: comments, or the time to wait before one comes back. */
function parseBlock(block: string): StreamEvent | undefined {
  let event = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id") id = value;
  }
  return data.length === 0 && id === undefined ? undefined : { event, data: data.join("\n"), id };
}
