import { Button, SegmentedControl } from "@mantine/core";

import type { Series } from "../../api/operations.js";
import type { TaskTypeDetail } from "../../api/tasks.js";
import { apiPath } from "../api/client.js";
import { useApi } from "../api/use-api.js";
import { AppLink, useOpenPath } from "../components/app-link.js";
import { Chart } from "../components/chart.js";
import { DataTable } from "../components/data-table.js";
import { Duration } from "../components/duration.js";
import { Icon } from "../components/icon.js";
import { JsonTree } from "../components/json-value.js";
import { NeedsRole } from "../components/needs-role.js";
import { Facts, Page, Panel } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { paths } from "../paths.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { Registered } from "./task-types-page.js";
import { Histogram } from "./tasks/histogram.js";
import { percentText } from "./tasks/percent-text.js";
import { failureShare } from "./tasks/sort-types.js";
import { TASK_COLUMNS } from "./tasks/task-columns.js";
import { TIME_RANGES, type TimeRangeName } from "./tasks/time-ranges.js";
import "./tasks/tasks.css";

/** One task type: what it is for, how it is set up, how its runs fare. */
export function TaskTypePage({ name }: { readonly name: string }) {
  const openPath = useOpenPath();
  const answer = useApi<TaskTypeDetail>(apiPath`task-types/${name}`, {}, { refetchEvery: 15 });
  return (
    <Page
      title={name}
      eyebrow={<AppLink to={paths.taskTypes()}>{texts.nav.taskTypes}</AppLink>}
      actions={
        <>
          <Button
            variant="default"
            leftSection={<Icon name="tasks" size={14} />}
            onClick={() => openPath(paths.tasks({ name }))}
          >
            Its tasks
          </Button>
          <NeedsRole role="operator">
            <Button leftSection={<Icon name="send" size={14} />} onClick={() => openPath(paths.send({ name }))}>
              Send…
            </Button>
          </NeedsRole>
        </>
      }
    >
      {answer.error?.status === 404 && answer.data === undefined ? (
        <Empty title="No such task type" icon="task-types">
          No worker has it registered, and no task of this name has run while the console remembers.
        </Empty>
      ) : (
        <Loaded answer={answer} lines={12}>
          {(type) => <TypeDetail type={type} />}
        </Loaded>
      )}
    </Page>
  );
}

function TypeDetail({ type }: { readonly type: TaskTypeDetail }) {
  return (
    <div className="lv-stack">
      <div className="lv-task-overview">
        <div className="lv-stack">
          <Panel title="Description">
            {type.description === null ? (
              <p className="lv-muted">
                It has none. In the app: the task's <code>description</code>; in Python: its docstring.
              </p>
            ) : (
              <bdi className="lv-pre-line lv-wrap-anywhere">{type.description}</bdi>
            )}
          </Panel>
          <Charts name={type.name} />
          <Panel title="Runtimes">
            {type.histogram.every((bucket) => bucket.count === 0) ? (
              <p className="lv-muted">Nothing has run lately.</p>
            ) : (
              <Histogram buckets={type.histogram} />
            )}
          </Panel>
        </div>
        <div className="lv-stack lv-task-facts">
          <Panel title="Facts">
            <TypeFacts type={type} />
          </Panel>
          <Panel title="Options">
            {Object.keys(type.options).length === 0 ? (
              <p className="lv-muted">All as the settings have them, or not known.</p>
            ) : (
              <JsonTree data={type.options} label="the options" />
            )}
          </Panel>
          <Panel title="Schema">
            {type.schema === null ? (
              <p className="lv-muted">It tells none: arguments are written as JSON.</p>
            ) : (
              <JsonTree data={type.schema} label="the schema" />
            )}
          </Panel>
        </div>
      </div>
      <Panel title="Recent failures" padded={false}>
        <DataTable
          name="task-type-failures"
          label="Recent failures"
          columns={FAILURE_COLUMNS}
          rows={type.recentFailures}
          rowKey={(task) => task.id}
          rowLink={(task) => paths.task(task.id)}
          emptyState={
            <Empty title="No failures" icon="circle-check">
              None is remembered.
            </Empty>
          }
        />
      </Panel>
    </div>
  );
}

const SHOWN_OF_FAILURES = ["state", "id", "args", "worker", "received", "runtime", "result"];
const FAILURE_COLUMNS = TASK_COLUMNS.filter((column) => SHOWN_OF_FAILURES.includes(column.key)).map((column) => ({
  ...column,
  sort: undefined,
  ...(column.key === "result" && { title: "Error" }),
}));

function TypeFacts({ type }: { readonly type: TaskTypeDetail }) {
  return (
    <Facts
      facts={[
        { name: "Registered", value: <Registered type={type} /> },
        {
          name: "Workers",
          value:
            type.registeredOn.length === 0 ? undefined : (
              <WorkerLinks names={type.registeredOn.map((each) => each.worker)} />
            ),
        },
        { name: "In the app", value: type.inApp ? "yes" : "no" },
        {
          name: "Takes",
          value: type.passes === null ? undefined : type.passes === "args" ? "positional arguments" : "one object",
        },
        { name: "Queue", value: type.queue ?? undefined },
        { name: "Rate limit", value: type.rateLimit ?? undefined },
        { name: "Runs", value: whole(type.runs) },
        { name: "Failures", value: `${whole(type.failures)} (${percentText(failureShare(type))})` },
        { name: "Runtime p50", value: <Duration seconds={type.runtimeP50} /> },
        { name: "Runtime p95", value: <Duration seconds={type.runtimeP95} /> },
        { name: "Wait p95", value: <Duration seconds={type.waitP95} /> },
        { name: "Last run", value: <Time at={type.lastRun} /> },
      ]}
    />
  );
}

const LISTED = 8;
function WorkerLinks({ names }: { readonly names: readonly string[] }) {
  return (
    <ul className="lv-link-list">
      {names.slice(0, LISTED).map((name) => (
        <li key={name}>
          <AppLink to={paths.worker(name)} className="lv-wrap-anywhere">
            {name}
          </AppLink>
        </li>
      ))}
      {names.length > LISTED && <li className="lv-muted">and {names.length - LISTED} more</li>}
    </ul>
  );
}

function Charts({ name }: { readonly name: string }) {
  const [{ range }, change] = useUrlState(["range"]);
  const chosen: TimeRangeName = TIME_RANGES.find((each) => each === range) ?? "1h";
  const query = { range: chosen, by: `task:${name}` };
  const throughput = useApi<Series>("series", { metric: "throughput", ...query }, { refetchEvery: 10 });
  const runtime = useApi<Series>("series", { metric: "runtime", ...query }, { refetchEvery: 10 });
  return (
    <Panel
      title="Over time"
      tools={
        <SegmentedControl
          size="xs"
          aria-label="Range"
          data={[...TIME_RANGES]}
          value={chosen}
          onChange={(next) => change({ range: next === "1h" ? undefined : next }, { replace: true })}
        />
      }
    >
      <div className="lv-stack">
        <h3>Finished a minute, by state</h3>
        <Loaded answer={throughput} lines={4}>
          {(series) => <Chart series={series} label="Finished tasks a minute, by state" height={140} stacked />}
        </Loaded>
        <h3>Runtime</h3>
        <Loaded answer={runtime} lines={4}>
          {(series) => <Chart series={series} label="Runtime: median, 95th and 99th percentile" height={140} />}
        </Loaded>
      </div>
    </Panel>
  );
}
