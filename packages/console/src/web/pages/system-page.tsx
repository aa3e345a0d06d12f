import type { SystemInfo } from "../../api/operations.js";
import { useApi } from "../api/use-api.js";
import { durationText } from "../components/duration.js";
import { jsonText, sizeText } from "../components/json-text.js";
import { Facts, Panel } from "../components/page.js";
import { Loaded } from "../components/page-states.js";
import { Badge } from "../components/state-badge.js";
import { whole } from "../components/table-texts.js";
import { Time } from "../components/time.js";
import { texts } from "../texts.js";
import { RetentionForm } from "./settings/retention-form.js";
import { SettingsFrame } from "./settings/settings-frame.js";

/** What the console stands on. */
export function SystemPage() {
  const answer = useApi<SystemInfo>("system", {}, { refetchEvery: 5 });
  return (
    <SettingsFrame title={texts.settingsNav.system} lead="What this console stands on, and how long it keeps what.">
      <Loaded answer={answer} lines={12}>
        {(system) => (
          <div className="lv-settings-columns">
            <BrokerPanel broker={system.broker} />
            <Panel title="Result backend">
              {system.backend.url === null ? (
                <p className="lv-muted">None: results and missed final states cannot be looked up.</p>
              ) : (
                <Facts
                  facts={[
                    { name: "Address", value: <Address url={system.backend.url} /> },
                    ...capabilityFacts(system.backend.capabilities),
                  ]}
                />
              )}
            </Panel>
            <Panel
              title="Store"
              tools={
                system.store.trouble !== null && (
                  <Badge tone="bad" sign="✕">
                    trouble
                  </Badge>
                )
              }
            >
              {system.store.trouble !== null && (
                <p className="lv-problem" role="alert">
                  {system.store.trouble}
                </p>
              )}
              <Facts
                facts={[
                  { name: "Address", value: <Address url={system.store.url} /> },
                  { name: "Size", value: system.store.sizeBytes === null ? null : sizeText(system.store.sizeBytes) },
                  { name: "Tasks", value: whole(system.store.tasks) },
                ]}
              />
            </Panel>
            <IngestPanel ingest={system.ingest} />
            <Panel title="Console">
              <Facts
                facts={[
                  { name: "Version", value: system.version },
                  { name: "Started", value: <Time at={system.startedAt} show="both" /> },
                  { name: "Open streams", value: whole(system.streamClients) },
                ]}
              />
            </Panel>
            <Panel title="Retention" className="lv-span">
              <RetentionForm key={JSON.stringify(system.retention)} retention={system.retention} />
            </Panel>
          </div>
        )}
      </Loaded>
    </SettingsFrame>
  );
}

function BrokerPanel({ broker }: { readonly broker: SystemInfo["broker"] }) {
  return (
    <Panel
      title="Broker"
      tools={
        <Badge tone={broker.reachable ? "good" : "bad"} sign={broker.reachable ? "✓" : "✕"}>
          {broker.reachable ? "reachable" : "not reachable"}
        </Badge>
      }
    >
      {broker.error !== null && (
        <p className="lv-problem" role="alert">
          {broker.error}
        </p>
      )}
      <Facts
        facts={[{ name: "Address", value: <Address url={broker.url} /> }, ...capabilityFacts(broker.capabilities)]}
      />
    </Panel>
  );
}

function IngestPanel({ ingest }: { readonly ingest: SystemInfo["ingest"] }) {
  return (
    <Panel
      title="Events"
      tools={
        <Badge tone={ingest.leader ? "good" : "quiet"}>
          {ingest.leader ? "this console listens" : "another console listens"}
        </Badge>
      }
    >
      <Facts
        facts={[
          { name: "Rate", value: `${whole(Math.round(ingest.ratePerSecond))} a second` },
          { name: "Lag", value: ingest.lag === null ? null : durationText(ingest.lag) },
          { name: "Waiting", value: whole(ingest.waiting) },
          {
            name: "Dropped",
            value: <span className={ingest.dropped > 0 ? "lv-problem" : undefined}>{whole(ingest.dropped)}</span>,
          },
        ]}
      />
      {ingest.gaps.length > 0 && (
        <>
          <h3 className="lv-subtitle">Nothing was heard</h3>
          <ul className="lv-gaps">
            {ingest.gaps.map((gap) => (
              <li key={gap.from}>
                <Time at={gap.from} show="absolute" /> <span className="lv-muted">for</span>{" "}
                {durationText((Date.parse(gap.to) - Date.parse(gap.from)) / 1000)}
                <span className="lv-muted">: {gap.reason}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

function Address({ url }: { readonly url: string }) {
  return <span className="lv-mono lv-wrap-anywhere">{url}</span>;
}

function capabilityFacts(capabilities: Readonly<Record<string, unknown>>) {
  return Object.entries(capabilities).map(([name, value]) => ({
    name,
    value: typeof value === "boolean" ? (value ? "yes" : "no") : typeof value === "string" ? value : jsonText(value),
  }));
}
