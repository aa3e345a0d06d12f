import { type ReactNode, useMemo } from "react";
import type { Overview } from "../../../api/operations.js";
import { useLiveState } from "../../api/use-live.js";
import { AppLink } from "../../components/app-link.js";
import { Duration } from "../../components/duration.js";
import { Panel } from "../../components/page.js";
import { whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";
import { useNow } from "../../state/app-context.js";
import { overviewTexts } from "./overview-texts.js";

const texts = overviewTexts.lists;

/** Where to look first: errors, slow types, long runs. */
export function OverviewLists({ overview }: { readonly overview: Overview }) {
  // The list comes with every answer, but the tiles of the same answer change each second.
  const { longestRunning } = overview;
  // biome-ignore lint/correctness/useExhaustiveDependencies: when this list came, and not when this was drawn
  const heardMs = useMemo(() => Date.now(), [longestRunning]);
  const slowest = Math.max(...overview.slowest.map((each) => each.p95), 0);
  const most = Math.max(...overview.topErrors.map((each) => each.count), 0);
  return (
    <div className="lv-overview-lists">
      <TopList title={texts.errors} to={paths.errors()} empty={texts.noErrors}>
        {overview.topErrors.map((error) => (
          <Line key={error.fingerprint} share={error.count / most} figure={whole(error.count)} tone="bad">
            <AppLink to={paths.tasks({ error: error.fingerprint })}>
              {error.class === "" ? error.message : error.class}
            </AppLink>
            <span className="lv-muted lv-line-below">
              {error.class !== "" && `${error.message} · `}
              {error.task}
            </span>
          </Line>
        ))}
      </TopList>
      <TopList title={texts.slowest} to={paths.taskTypes()} empty={texts.noSlow}>
        {overview.slowest.map((type) => (
          <Line key={type.task} share={type.p95 / slowest} figure={<Duration seconds={type.p95} />}>
            <AppLink to={paths.taskType(type.task)}>{type.task}</AppLink>
            <span className="lv-muted lv-line-below">p95 of {whole(type.runs)} runs</span>
          </Line>
        ))}
      </TopList>
      <TopList
        title={texts.longest}
        to={paths.tasks({ state: "STARTED,PROGRESS", sort: "started" })}
        empty={texts.noRunning}
      >
        {overview.longestRunning.map((task) => (
          <Line
            key={task.id}
            share={progressShare(task.progress)}
            figure={<GoingOn seconds={task.elapsed} since={heardMs} />}
            tone="running"
          >
            <AppLink to={paths.task(task.id)}>{task.name ?? task.id}</AppLink>
            <span className="lv-muted lv-line-below">
              {task.worker}
              {task.progress &&
                ` · ${whole(task.progress.current)}${task.progress.total === null ? "" : ` of ${whole(task.progress.total)}`}`}
            </span>
          </Line>
        ))}
      </TopList>
    </div>
  );
}

/** Seconds that go on, from when they were told; they stand still while nothing is heard of what runs. */
function GoingOn({ seconds, since }: { readonly seconds: number; readonly since: number }) {
  const now = useNow();
  const { kind } = useLiveState();
  const heard = kind === "live" || kind === "idle";
  return <Duration seconds={heard ? seconds + Math.max(0, now - since) / 1000 : seconds} />;
}

function progressShare(progress: Overview["longestRunning"][number]["progress"]): number {
  return progress === null || progress.total === null || progress.total === 0 ? 0 : progress.current / progress.total;
}

interface TopListProps {
  readonly title: string;
  readonly to: string;
  readonly empty: string;
  readonly children: readonly ReactNode[];
}
function TopList({ title, to, empty, children }: TopListProps) {
  return (
    <Panel
      title={title}
      padded={false}
      tools={
        <AppLink to={to} aria-label={`${title}: all`}>
          {texts.all}
        </AppLink>
      }
    >
      {children.length === 0 ? (
        <p className="lv-quiet-line lv-muted">{empty}</p>
      ) : (
        <ul className="lv-top-list">{children}</ul>
      )}
    </Panel>
  );
}

interface LineProps {
  /** From 0 to 1. */
  readonly share: number;
  readonly figure: ReactNode;
  readonly tone?: "bad" | "running";
  readonly children: ReactNode;
}
function Line({ share, figure, tone, children }: LineProps) {
  return (
    <li>
      <div className="lv-line-text">{children}</div>
      <span className="lv-number lv-line-figure">{figure}</span>
      <span className={`lv-line-bar ${tone === undefined ? "" : `lv-tone-${tone}`}`} aria-hidden="true">
        <span style={{ width: `${Math.min(100, Math.max(0, share * 100))}%` }} />
      </span>
    </li>
  );
}
