import type { LiveEventName, LiveEvents } from "../../src/api/live.js";
import type { LiveHub } from "../../src/server/parts.js";

/** Keeps what is published. */
export class RecordingHub implements LiveHub {
  readonly said: { readonly topic: string; readonly event: LiveEventName; readonly data: unknown }[] = [];
  readonly clientCount = 1;
  publish<E extends LiveEventName>(topic: string, event: E, data: LiveEvents[E]): void {
    this.said.push({ topic, event, data });
  }
  hasListeners(): boolean {
    return true;
  }
}
