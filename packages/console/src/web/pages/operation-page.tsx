import { Button, SegmentedControl } from "@mantine/core";
import type { OperationDetail } from "../../api/operations.js";
import { api, apiPath, apiUrl } from "../api/client.js";
import type { LiveEvent } from "../api/live.js";
import { useAction } from "../api/use-action.js";
import { useApi } from "../api/use-api.js";
import { AppLink } from "../components/app-link.js";
import { type Column, DataTable } from "../components/data-table.js";
import { NeedsRole } from "../components/needs-role.js";
import { Facts, Page, Panel } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { Badge, type Tone } from "../components/state-badge.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { paths } from "../paths.js";
import { useUrlState } from "../state/url-state.js";
import { texts } from "../texts.js";
import { OperationProgress } from "./operations/operation-progress.js";
import { filterText, isUnderWay, KIND_NAMES, STATE_LOOKS } from "./operations/operation-texts.js";

type Item = OperationDetail["items"][number];
const OUTCOMES: Readonly<Record<Item["outcome"], { readonly tone: Tone; readonly sign: string }>> = {
  done: { tone: "good", sign: "✓" },
  failed: { tone: "bad", sign: "✕" },
  skipped: { tone: "quiet", sign: "–" },
};
const COLUMNS: readonly Column<Item>[] = [
  {
    key: "target",
    title: "Task",
    fixed: true,
    card: "title",
    cell: ({ target }) => (
      <AppLink to={paths.task(target)} className="lv-mono lv-wrap-anywhere">
        {target}
      </AppLink>
    ),
  },
  {
    key: "outcome",
    title: "Outcome",
    card: "field",
    cell: ({ outcome }) => (
      <Badge tone={OUTCOMES[outcome].tone} sign={OUTCOMES[outcome].sign}>
        {outcome}
      </Badge>
    ),
  },
  {
    key: "detail",
    title: "Detail",
    card: "field",
    cell: ({ detail }) => <bdi className="lv-wrap-anywhere">{detail}</bdi>,
  },
];

/** One operation: how far it is, and what became of each task. */
export function OperationPage({ id }: { readonly id: string }) {
  const path = apiPath`operations/${id}`;
  const [{ outcome, cursor }, change] = useUrlState(["outcome", "cursor"]);
  const answer = useApi<OperationDetail>(
    path,
    { outcome, cursor },
    { live: { topics: [`operation:${id}`], merge: mergeOperation }, refetchEvery: 5 },
  );
  const cancel = useAction((idempotencyKey) => api.post(`${path}/cancel`, {}, { idempotencyKey }), {
    failed: "The operation could not be cancelled",
    refresh: ["operations"],
  });
  const operation = answer.data;
  return (
    <Page
      title={operation ? KIND_NAMES[operation.kind] : "Operation"}
      eyebrow={<AppLink to={paths.operations()}>{texts.nav.operations}</AppLink>}
      beside={
        operation && (
          <Badge tone={STATE_LOOKS[operation.state].tone} sign={STATE_LOOKS[operation.state].sign}>
            {operation.state}
          </Badge>
        )
      }
      lead={operation && filterText(operation.filter)}
      actions={
        operation &&
        isUnderWay(operation) && (
          <NeedsRole role="operator">
            <Button variant="default" loading={cancel.pending} onClick={() => cancel.run()}>
              Cancel the rest
            </Button>
          </NeedsRole>
        )
      }
    >
      <Loaded answer={answer} lines={10}>
        {(data) => (
          <>
            <Panel>
              <OperationProgress operation={data} />
              {data.error !== null && (
                <p className="lv-problem" role="alert">
                  {data.error}
                </p>
              )}
              <Facts
                facts={[
                  { name: "Done", value: whole(data.done) },
                  { name: "Failed", value: whole(data.failed) },
                  { name: "Skipped", value: `${whole(data.skipped)}: changed meanwhile` },
                  { name: "By", value: data.by },
                  { name: "Ordered", value: <Time at={data.createdAt} show="both" /> },
                  { name: "Started", value: <Time at={data.startedAt} show="both" /> },
                  { name: "Ended", value: <Time at={data.finishedAt} show="both" /> },
                ]}
              />
            </Panel>
            <DataTable
              name="operation-items"
              label="What became of each task"
              columns={COLUMNS}
              rows={data.items}
              rowKey={(item) => item.target}
              rowLink={(item) => paths.task(item.target)}
              exports={{
                csv: apiUrl(`${path}/items`, { format: "csv", outcome }),
                json: apiUrl(`${path}/items`, { format: "json", outcome }),
              }}
              onClearFilters={
                outcome === undefined ? undefined : () => change({ outcome: undefined, cursor: undefined })
              }
              toolbar={
                <SegmentedControl
                  size="xs"
                  aria-label="Outcome"
                  value={outcome ?? "all"}
                  data={["all", "done", "failed", "skipped"]}
                  onChange={(value) => change({ outcome: value === "all" ? undefined : value, cursor: undefined })}
                />
              }
              emptyState={<Empty title="Nothing is settled yet" icon="clock" />}
            />
            {(data.nextCursor !== null || cursor !== undefined) && (
              <div className="lv-row-of">
                {cursor !== undefined && (
                  <Button variant="default" size="xs" onClick={() => change({ cursor: undefined })}>
                    First page
                  </Button>
                )}
                {data.nextCursor !== null && (
                  <Button variant="default" size="xs" onClick={() => change({ cursor: data.nextCursor ?? undefined })}>
                    Next page
                  </Button>
                )}
              </div>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** Figures come with the stream; what became of single tasks is asked for. */
function mergeOperation(data: OperationDetail, events: readonly LiveEvent[]): OperationDetail | "refetch" {
  const last = events.findLast((event) => event.event === "operation");
  if (last?.event !== "operation") return data;
  return last.data.state !== data.state || data.items.length < 50 ? "refetch" : { ...data, ...last.data };
}
