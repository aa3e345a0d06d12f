import type { Attempt, TaskDetail, TaskEvent } from "../../../api/tasks.js";
import { AppLink } from "../../components/app-link.js";
import { Duration, durationText } from "../../components/duration.js";
import { Panel } from "../../components/page.js";
import { Empty } from "../../components/page-states.js";
import { Badge, StateBadge } from "../../components/state-badge.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { useNow } from "../../state/app-context.js";
import { hasEnded } from "./fitting-actions.js";
import { type Happening, happeningsOf, type Stretch, type StretchKind, stretchesOf } from "./timeline.js";
import "./timeline-view.css";

export interface TimelineProps {
  readonly task: TaskDetail;
  readonly events: readonly TaskEvent[];
  readonly attempts: readonly Attempt[];
}

const WORDS: Readonly<Record<StretchKind, string>> = {
  wait: "waiting",
  run: "running",
  retry: "waits for the next try",
  lost: "lost",
};

/** What happened to a task and when: a bar of its stretches, its events, its attempts. */
export function TimelineView({ task, events, attempts }: TimelineProps) {
  const stretches = stretchesOf(task, attempts);
  const happenings = happeningsOf(task, events, attempts);
  return (
    <>
      <Panel title="Lengths">
        {stretches.length === 0 ? (
          <p className="lv-muted">No worker has told of a start yet.</p>
        ) : (
          <Bar task={task} stretches={stretches} />
        )}
        <p className="lv-timeline-sums">
          <span>
            Wait <Duration seconds={task.wait} />
          </span>
          <span>
            Run <Duration seconds={task.runtime} />
          </span>
        </p>
      </Panel>
      <Panel title="Events">
        {happenings.length === 0 ? (
          <Empty title="No event has told of this task" icon="clock">
            Events of workers that send none are made good from the result backend, which keeps the end alone.
          </Empty>
        ) : (
          <ol className="lv-happenings">
            {happenings.map((each, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: events have no identity, and their order is theirs
              <HappeningLine key={index} happening={each} before={happenings[index - 1]} />
            ))}
          </ol>
        )}
      </Panel>
      <Panel title="Attempts" padded={false}>
        <AttemptTable attempts={attempts} taskId={task.id} />
      </Panel>
    </>
  );
}

function HappeningLine({
  happening,
  before,
}: {
  readonly happening: Happening;
  readonly before: Happening | undefined;
}) {
  const { at, what, worker, detail, plannedFor, mark } = happening;
  const since = at !== null && before?.at ? (Date.parse(at) - Date.parse(before.at)) / 1000 : undefined;
  return (
    <li data-mark={mark ?? undefined}>
      <span className="lv-happening-time">
        <Time at={at} show="absolute" />
        {since !== undefined && since >= 0.001 && <span className="lv-muted"> +{durationText(since)}</span>}
      </span>
      <span className="lv-happening-what">
        {mark === null ? <strong>{what}</strong> : <Badge tone={mark === "lost" ? "lost" : "warning"}>{what}</Badge>}
        {worker !== null && <bdi className="lv-mono">{worker}</bdi>}
        {detail !== null && <bdi>{detail}</bdi>}
        {plannedFor !== null && (
          <span className="lv-muted">
            next try planned for <Time at={plannedFor} show="absolute" />
          </span>
        )}
      </span>
    </li>
  );
}

function Bar({ task, stretches }: { readonly task: TaskDetail; readonly stretches: readonly Stretch[] }) {
  const now = useNow();
  const last =
    task.finished === null && hasEnded(task.state) ? (stretches.at(-1)?.to ?? stretches.at(-1)?.from) : task.finished;
  const endMs = last ? Date.parse(last) : now;
  const spans = stretches.map((each) => ({
    ...each,
    fromMs: Date.parse(each.from),
    toMs: each.to === null ? endMs : Date.parse(each.to),
  }));
  const from = Math.min(...spans.map((each) => each.fromMs));
  const whole = Math.max(1, ...spans.map((each) => each.toMs - from));
  const shown = [...new Set(spans.map((each) => each.kind))];
  return (
    <figure className="lv-timeline-bar">
      <div className="lv-timeline-track" aria-hidden="true">
        {spans.map((each) => (
          <span
            key={`${each.kind}-${each.attempt}-${each.from}`}
            data-kind={each.kind}
            data-redelivered={each.redelivered || undefined}
            title={spanText(each, each.toMs - each.fromMs)}
            style={{
              insetInlineStart: `${((each.fromMs - from) / whole) * 100}%`,
              width: `${(Math.max(0, each.toMs - each.fromMs) / whole) * 100}%`,
            }}
          />
        ))}
      </div>
      <figcaption>
        <ul className="lv-timeline-legend">
          {shown.map((kind) => (
            <li key={kind}>
              <span data-kind={kind} aria-hidden="true" />
              {WORDS[kind]}
            </li>
          ))}
        </ul>
        <ol className="lv-sr-only">
          {spans.map((each) => (
            <li key={`${each.kind}-${each.attempt}-${each.from}`}>{spanText(each, each.toMs - each.fromMs)}</li>
          ))}
        </ol>
      </figcaption>
    </figure>
  );
}

function spanText(each: Stretch, lengthMs: number): string {
  const again = each.redelivered ? ", redelivered" : "";
  return `Attempt ${each.attempt}${again}: ${WORDS[each.kind]}, ${durationText(Math.max(0, lengthMs) / 1000)}`;
}

function AttemptTable({ attempts, taskId }: { readonly attempts: readonly Attempt[]; readonly taskId: string }) {
  if (attempts.length === 0) {
    return <p className="lv-muted lv-attempts-none">No worker has taken it yet.</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="lv-table-scroll" tabIndex={0} aria-label="Table of attempts">
      <table className="lv-table lv-plain-table">
        <thead>
          <tr>
            {["n", "State", "Worker", "Started", "Runtime", "Error", "Next try", "Logs"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <tr key={attempt.number}>
              <th scope="row">{attempt.number}</th>
              <td>
                <StateBadge state={attempt.state} />
                {attempt.redelivered && (
                  <>
                    {" "}
                    <Badge tone="warning">redelivered</Badge>
                  </>
                )}
              </td>
              <td className="lv-mono">{attempt.worker ?? "–"}</td>
              <td>
                <Time at={attempt.started} show="absolute" />
              </td>
              <td>
                <Duration seconds={attempt.runtime} />
              </td>
              <td className="lv-attempt-error">{attempt.error === null ? "–" : <bdi>{attempt.error}</bdi>}</td>
              <td>
                <Time at={attempt.nextAt} show="absolute" />
              </td>
              <td>
                <AppLink
                  to={paths.task(taskId, { tab: "logs", attempt: attempt.number })}
                  aria-label={`Logs of attempt ${attempt.number}`}
                >
                  Logs
                </AppLink>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
