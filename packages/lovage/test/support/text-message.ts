import type { Message } from "../../src/protocol/message.js";

/** A message whose body is `text`. */
export function textMessage(text: string, more: Partial<Message> = {}): Message {
  return {
    headers: { id: text },
    properties: {},
    body: new TextEncoder().encode(text),
    contentType: "text/plain",
    contentEncoding: "utf-8",
    ...more,
  };
}

export function decodeText(message: Message): string {
  return new TextDecoder().decode(message.body);
}
