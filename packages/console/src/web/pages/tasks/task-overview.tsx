import type { TaskDetail } from "../../../api/tasks.js";
import { JsonValue } from "../../components/json-value.js";
import { Panel } from "../../components/page.js";
import { Trace } from "../../components/trace.js";
import { hasEnded, isRunning } from "./fitting-actions.js";
import { ProgressBar } from "./progress-bar.js";
import { TaskFacts } from "./task-facts.js";
import { wholeValue } from "./whole-value.js";

/** What a task was called with, how far it is, what came of it; its facts beside that. */
export function TaskOverview({ task }: { readonly task: TaskDetail }) {
  const ended = hasEnded(task.state);
  return (
    <div className="lv-task-overview">
      <div className="lv-stack">
        {task.progress !== null && (
          <Panel title="Progress">
            <ProgressBar progress={task.progress} label={`Progress of ${task.name ?? task.id}`} ended={ended} />
            <Counters counters={task.progress.counters} />
          </Panel>
        )}
        <TaskFailure task={task} />
        {(task.resultValue !== null || (ended && task.error === null)) && (
          <Panel title="Result">
            <JsonValue value={task.resultValue} label="the result" download={wholeValue(task.id, "result")} />
          </Panel>
        )}
        <Panel title="Arguments">
          <JsonValue value={task.argsValue} label="the arguments" download={wholeValue(task.id, "args")} />
        </Panel>
        <Panel title="Keyword arguments">
          <JsonValue value={task.kwargsValue} label="the keyword arguments" download={wholeValue(task.id, "kwargs")} />
        </Panel>
        {!task.exactArguments.known && task.exactArguments.reason !== null && (
          <p className="lv-muted">The arguments are not known exactly: {task.exactArguments.reason}</p>
        )}
        {isRunning(task.state) && task.progress === null && (
          <p className="lv-muted">It runs, and has reported no progress so far.</p>
        )}
      </div>
      <Panel title="Facts" className="lv-task-facts">
        <TaskFacts task={task} />
      </Panel>
    </div>
  );
}

/** Class and message of an error, what caused it, and its trace. Nothing when there is none. */
export function TaskFailure({
  task,
}: {
  readonly task: Pick<TaskDetail, "state" | "error" | "errorChain" | "traceback">;
}) {
  const { error, errorChain, traceback } = task;
  if (error === null && errorChain.length === 0 && traceback === null) {
    return null;
  }
  const [first, ...causes] = errorChain;
  return (
    <Panel title={task.state === "RETRY" ? "Error of the last try" : "Error"} className="lv-task-error">
      {first === undefined ? (
        error !== null && <bdi className="lv-task-error-message">{error}</bdi>
      ) : (
        <p className="lv-task-error-message">
          <strong>{first.class}</strong>
          {first.message !== "" && (
            <>
              : <bdi>{first.message}</bdi>
            </>
          )}
        </p>
      )}
      {causes.length > 0 && (
        <ol className="lv-task-causes" aria-label="Causes">
          {causes.map((cause, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a chain of causes never changes
            <li key={index}>
              caused by <strong>{cause.class}</strong>: <bdi>{cause.message}</bdi>
            </li>
          ))}
        </ol>
      )}
      {traceback !== null && <Trace text={traceback} />}
    </Panel>
  );
}

/** Named numbers, as a row of figures. Nothing when there are none. */
export function Counters({ counters }: { readonly counters: Readonly<Record<string, number>> }) {
  const entries = Object.entries(counters);
  if (entries.length === 0) {
    return null;
  }
  return (
    <dl className="lv-counters">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>
            <bdi>{name}</bdi>
          </dt>
          <dd className="lv-number">{value.toLocaleString("en", { maximumFractionDigits: 3 })}</dd>
        </div>
      ))}
    </dl>
  );
}
