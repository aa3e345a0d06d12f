import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { LiveEventName, LiveEvents } from "../../api/live.js";
import { useLiveClient } from "../state/app-context.js";
import type { LiveEvent, LiveState } from "./live.js";

/** Calls the handler for each event of that name that comes under the topic, while the component is shown. */
export function useLive<E extends LiveEventName>(
  topic: string,
  event: E,
  handler: (data: LiveEvents[E]) => void,
): void {
  const client = useLiveClient();
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => {
    const onEvents = (events: readonly LiveEvent[]) => {
      for (const each of events) {
        // The name says which data it is; the compiler cannot follow that through a type parameter.
        if (each.event === event) latest.current(each.data as LiveEvents[E]);
      }
    };
    return client.subscribe([topic], { onEvents });
  }, [client, topic, event]);
}

/** The same list for as long as it names the same topics, for effects to depend on. */
export function useSteadyTopics(topics: readonly string[]): readonly string[] {
  const [steady, setSteady] = useState(topics);
  if (steady.length === topics.length && topics.every((topic, index) => topic === steady[index])) return steady;
  setSteady(topics);
  return topics;
}

/** How the stream fares, for the indicator. */
export function useLiveState(): LiveState {
  const client = useLiveClient();
  return useSyncExternalStore(client.onState, client.state);
}
