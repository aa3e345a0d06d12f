import { Button } from "@mantine/core";
import { useState } from "react";
import type { Overview } from "../../api/operations.js";
import { useApi } from "../api/use-api.js";
import { AppLink } from "../components/app-link.js";
import { Icon } from "../components/icon.js";
import { NeedsRole } from "../components/needs-role.js";
import { Page } from "../components/page.js";
import { Empty, Loaded } from "../components/page-states.js";
import { mergeStats } from "../components/shell.js";
import { paths } from "../paths.js";
import { useNotify } from "../state/app-context.js";
import { texts } from "../texts.js";
import { AttentionList } from "./overview/attention-list.js";
import { OverviewCharts } from "./overview/overview-charts.js";
import { OverviewLists } from "./overview/overview-lists.js";
import { overviewTexts } from "./overview/overview-texts.js";
import { TileRow } from "./overview/tile-row.js";
import { StopAllDialog } from "./tasks/stop-all-dialog.js";

/** Whether it is healthy, and what needs a person. */
export function OverviewPage() {
  // The tiles come each second by themselves; the lists below are worth a question now and then.
  const overview = useApi<Overview>(
    "overview",
    {},
    { live: { topics: ["stats"], merge: mergeStats }, refetchEvery: 15 },
  );
  return (
    <Page title={texts.nav.overview} actions={<StopAll />}>
      <Loaded answer={overview} lines={12}>
        {(data) => (
          <>
            {!data.broker.reachable && <BrokerDown broker={data.broker} />}
            {data.attention.length > 0 && <AttentionList items={data.attention} />}
            <TileRow tiles={data.tiles} />
            {data.tiles.workersKnown === 0 && <NoWorkers broker={data.broker} />}
            <OverviewCharts />
            <OverviewLists overview={data} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function StopAll() {
  const [asked, setAsked] = useState(false);
  const notify = useNotify();
  return (
    <>
      <NeedsRole role="operator">
        <Button variant="default" leftSection={<Icon name="stop" size={14} />} onClick={() => setAsked(true)}>
          {overviewTexts.stopAll}
        </Button>
      </NeedsRole>
      {asked && (
        <StopAllDialog
          filter={undefined}
          onClose={() => setAsked(false)}
          onStarted={(operation) =>
            notify({
              kind: "info",
              text: overviewTexts.stopAllStarted,
              link: { label: overviewTexts.watchIt, to: paths.operation(operation.id) },
            })
          }
        />
      )}
    </>
  );
}

function BrokerDown({ broker }: { readonly broker: Overview["broker"] }) {
  return (
    <div className="lv-error lv-flat" role="alert">
      <Icon name="warning" size={20} />
      <div>
        <p className="lv-empty-title">{overviewTexts.brokerDown}</p>
        <p className="lv-mono">{broker.url}</p>
        {broker.error !== null && <p>{broker.error}</p>}
      </div>
    </div>
  );
}

function NoWorkers({ broker }: { readonly broker: Overview["broker"] }) {
  return (
    <section className="lv-panel">
      <Empty icon="workers" title={overviewTexts.noWorkers} code={overviewTexts.startWorker}>
        <p>
          {broker.reachable ? overviewTexts.brokerReachable : overviewTexts.brokerNotReachable}{" "}
          <span className="lv-mono">{broker.url}</span>
        </p>
        <p>
          <AppLink to={paths.system()}>{overviewTexts.system}</AppLink>
        </p>
      </Empty>
    </section>
  );
}
