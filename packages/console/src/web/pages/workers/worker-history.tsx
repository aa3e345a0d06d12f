import type { WorkerDetail } from "../../../api/workers.js";
import { type Column, DataTable } from "../../components/data-table.js";
import { Empty } from "../../components/page-states.js";
import { Time } from "../../components/time.js";
import { WorkerStatus } from "./worker-status.js";

type Entry = WorkerDetail["history"][number] & { readonly place: number };

/** When it came and went, and what it was told from here. */
export function WorkerHistory({ worker }: { readonly worker: WorkerDetail }) {
  const rows = worker.history
    .map((entry, place) => ({ ...entry, place }))
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || b.place - a.place);
  return (
    <DataTable
      name="worker-history"
      label="History"
      columns={COLUMNS}
      rows={rows}
      rowKey={({ place }) => String(place)}
      emptyState={
        <Empty title="Nothing yet" icon="clock">
          When it comes and goes, and what it is told from here, is noted.
        </Empty>
      }
    />
  );
}

const COLUMNS: readonly Column<Entry>[] = [
  { key: "at", title: "When", card: "field", width: "200px", cell: ({ at }) => <Time at={at} show="absolute" /> },
  {
    key: "what",
    title: "What",
    fixed: true,
    card: "title",
    cell: ({ what }) =>
      what === "online" || what === "silent" || what === "offline" ? (
        <WorkerStatus status={what} />
      ) : (
        <bdi className="lv-mono lv-wrap-anywhere">{what}</bdi>
      ),
  },
  { key: "by", title: "By", card: "field", cell: ({ by }) => <bdi>{by ?? <span className="lv-none">–</span>}</bdi> },
  {
    key: "outcome",
    title: "Answer",
    card: "field",
    cell: ({ outcome }) => <bdi className="lv-wrap-anywhere">{outcome ?? <span className="lv-none">–</span>}</bdi>,
  },
];
