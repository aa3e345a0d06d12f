import type { TaskDetail, TaskRaw } from "../../../api/tasks.js";
import { apiPath } from "../../api/client.js";
import { useApi } from "../../api/use-api.js";
import { JsonTree } from "../../components/json-value.js";
import { Facts, Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { Time } from "../../components/time.js";

/** The message, the result backend's record and the events, as they came. */
export function TaskRawView({ task }: { readonly task: Pick<TaskDetail, "id"> }) {
  const answer = useApi<TaskRaw>(apiPath`tasks/${task.id}/raw`, {}, { live: [`task:${task.id}`] });
  return (
    <Loaded answer={answer}>
      {(raw) => (
        <div className="lv-stack">
          <Panel title="Message">
            {raw.message === null ? (
              <p className="lv-muted">
                It waits on no queue that could be looked into: it was taken by a worker, or the broker cannot be asked.
              </p>
            ) : (
              <>
                <Facts facts={[{ name: "Queue", value: raw.message.queue }]} />
                <h3>Headers</h3>
                <JsonTree data={raw.message.headers} label="Headers" />
                <h3>Properties</h3>
                <JsonTree data={raw.message.properties} label="Properties" />
                <h3>Body</h3>
                <JsonTree data={raw.message.body} label="Body" />
              </>
            )}
          </Panel>
          <Panel title="Result backend">
            {raw.result === null ? (
              <p className="lv-muted">The result backend has no record of it.</p>
            ) : (
              <JsonTree data={raw.result} label="Record of the result backend" />
            )}
          </Panel>
          <Panel title="Events">
            {raw.events.length === 0 && <p className="lv-muted">No event has told of it.</p>}
            <ol className="lv-raw-events">
              {raw.events.map((event, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: events have no identity, and their order is theirs
                <li key={index}>
                  <details>
                    <summary>
                      <Time at={event.at} show="absolute" /> <strong>{event.type}</strong>{" "}
                      <bdi className="lv-mono lv-wrap-anywhere">{event.worker}</bdi>
                      {event.clock !== null && <span className="lv-muted"> clock {event.clock}</span>}
                    </summary>
                    <JsonTree data={event.fields} label={`Members of ${event.type}`} />
                  </details>
                </li>
              ))}
            </ol>
          </Panel>
        </div>
      )}
    </Loaded>
  );
}
