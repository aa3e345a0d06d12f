import { useMemo } from "react";
import type { JobStats } from "../../../api/jobs.js";
import { apiPath } from "../../api/client.js";
import { useApi } from "../../api/use-api.js";
import { Duration, durationText } from "../../components/duration.js";
import { Panel } from "../../components/page.js";
import { Empty, Loaded } from "../../components/page-states.js";
import { stateTone } from "../../components/state-badge.js";
import { whole } from "../../components/table-texts.js";
import { statesInOrder } from "../tasks/task-states.js";
import { type Bar, BarChart } from "./bar-chart.js";

/** How the runs of a job fared: a day each, their lengths, their counters summed. */
export function JobStatistics({ slug }: { readonly slug: string }) {
  const answer = useApi<JobStats>(apiPath`jobs/${slug}/stats`, {}, { refetchEvery: 15 });
  return <Loaded answer={answer}>{(stats) => (stats.runs === 0 ? <NothingYet /> : <Figures stats={stats} />)}</Loaded>;
}

function NothingYet() {
  return (
    <Empty title="Nothing to count yet" icon="chart">
      Statistics begin with the first run.
    </Empty>
  );
}

function Figures({ stats }: { readonly stats: JobStats }) {
  const days = useMemo(() => dayBars(stats), [stats]);
  const lengths = useMemo(() => lengthBars(stats), [stats]);
  return (
    <div className="lv-stack">
      <Panel title="All runs">
        <dl className="lv-tile-row">
          {[
            { name: "Runs", value: whole(stats.runs) },
            { name: "Succeeded", value: whole(stats.succeeded) },
            { name: "Failed", value: whole(stats.failed) },
            { name: "Revoked", value: whole(stats.revoked) },
            { name: "Median length", value: <Duration seconds={stats.lengthP50} /> },
            { name: "p95 length", value: <Duration seconds={stats.lengthP95} /> },
          ].map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Panel>
      <div className="lv-two-panels">
        <Panel title="Runs a day, by state">
          <BarChart bars={days} label="Runs a day, by state" format={whole} />
        </Panel>
        <Panel title="Length of each run">
          <BarChart bars={lengths} label="Length of each run" format={durationText} />
        </Panel>
      </div>
      <Panel title="Counters">
        {stats.counters.length === 0 ? (
          <p className="lv-muted">
            No run has counted anything: numbers at the top level of progress and result are counters.
          </p>
        ) : (
          <CounterTable counters={stats.counters} />
        )}
      </Panel>
    </div>
  );
}

function CounterTable({ counters }: Pick<JobStats, "counters">) {
  const figure = (value: number) => value.toLocaleString("en", { maximumFractionDigits: 3 });
  return (
    <table className="lv-table lv-plain-table">
      <caption className="lv-sr-only">Counters</caption>
      <thead>
        <tr>
          <th scope="col">Counter</th>
          <th scope="col" className="lv-right">
            Sum of all runs
          </th>
          <th scope="col" className="lv-right">
            Last run
          </th>
        </tr>
      </thead>
      <tbody>
        {counters.map((counter) => (
          <tr key={counter.name}>
            <th scope="row">
              <bdi className="lv-wrap-anywhere">{counter.name}</bdi>
            </th>
            <td className="lv-right lv-number">{figure(counter.sum)}</td>
            <td className="lv-right lv-number">{counter.last === null ? "–" : figure(counter.last)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function dayBars({ days }: JobStats): Bar[] {
  return days.map(({ day, states }) => ({
    name: day,
    parts: statesInOrder(Object.keys(states)).map((state) => ({
      name: state,
      value: states[state] ?? 0,
      color: `--lv-tone-${stateTone(state)}`,
    })),
  }));
}

function lengthBars({ lengths }: JobStats): Bar[] {
  return lengths.map((run) => ({
    name: `#${run.number}`,
    parts: [{ name: run.state, value: run.length, color: `--lv-tone-${stateTone(run.state)}` }],
  }));
}
