import type { Operation } from "../../api/operations.js";
import { api, apiPath } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { AppLink } from "../components/app-link.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/page-states.js";
import { Badge } from "../components/state-badge.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { useLiveList } from "../components/use-live-list.js";
import { paths } from "../paths.js";
import { useMay } from "../state/app-context.js";
import { texts } from "../texts.js";
import { OperationProgress } from "./operations/operation-progress.js";
import { filterText, isUnderWay, KIND_NAMES, STATE_LOOKS } from "./operations/operation-texts.js";

const COLUMNS: readonly Column<Operation>[] = [
  {
    key: "kind",
    title: "Operation",
    fixed: true,
    card: "title",
    cell: (operation) => <AppLink to={paths.operation(operation.id)}>{KIND_NAMES[operation.kind]}</AppLink>,
  },
  {
    key: "state",
    title: "State",
    card: "field",
    cell: ({ state }) => (
      <Badge tone={STATE_LOOKS[state].tone} sign={STATE_LOOKS[state].sign}>
        {state}
      </Badge>
    ),
  },
  {
    key: "filter",
    title: "Of",
    card: "field",
    cell: ({ filter }) => (
      <span className="lv-cut" title={filterText(filter)}>
        {filterText(filter)}
      </span>
    ),
  },
  {
    key: "progress",
    title: "Settled",
    card: "field",
    width: "240px",
    cell: (operation) => <OperationProgress operation={operation} />,
  },
  { key: "failed", title: "Failed", align: "right", cell: ({ failed }) => <Figure value={failed} /> },
  {
    key: "skipped",
    title: "Skipped",
    align: "right",
    hint: "What had changed meanwhile",
    cell: ({ skipped }) => <Figure value={skipped} />,
  },
  { key: "by", title: "By", cell: ({ by }) => by },
  {
    key: "created",
    title: "Ordered",
    card: "field",
    cell: ({ createdAt }) => <Time at={createdAt} focusable={false} />,
  },
  {
    key: "finished",
    title: "Ended",
    optional: true,
    cell: ({ finishedAt }) => <Time at={finishedAt} focusable={false} />,
  },
];

function Figure({ value }: { readonly value: number }) {
  return <span className={value === 0 ? "lv-muted lv-number" : "lv-number"}>{whole(value)}</span>;
}

/** What was done in bulk. */
export function OperationsPage() {
  const list = useLiveList<Operation>({
    path: "operations",
    name: "operations",
    filters: {},
    rowKey: (operation) => operation.id,
    refetchEvery: 5,
  });
  const may = useMay("operator");
  const cancel = useAction(
    (idempotencyKey, id: string) => api.post(apiPath`operations/${id}/cancel`, {}, { idempotencyKey }),
    {
      failed: "The operation could not be cancelled",
      refresh: ["operations"],
    },
  );
  return (
    <Page
      title={texts.nav.operations}
      lead="Work over many tasks at once. It goes on when you leave, and after a restart of the console."
    >
      <DataTable
        {...list.table}
        label={texts.nav.operations}
        columns={COLUMNS}
        rowLink={(operation) => paths.operation(operation.id)}
        rowMenu={(operation) => [
          {
            label: "Cancel the rest",
            icon: "stop",
            disabled: !may ? texts.needsRole("operator") : isUnderWay(operation) ? null : "it has ended",
            run: () => cancel.run(operation.id),
          },
        ]}
        emptyState={
          <Empty
            icon="operations"
            title="Nothing was done in bulk"
            action={<AppLink to={paths.tasks()}>To the tasks</AppLink>}
          >
            Select tasks, or all that match a filter, and choose what to do with them.
          </Empty>
        }
      />
    </Page>
  );
}
