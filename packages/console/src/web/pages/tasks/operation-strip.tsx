import { ActionIcon, Button } from "@mantine/core";
import type { OperationDetail } from "../../../api/operations.js";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useApi } from "../../api/use-api.js";
import { AppLink } from "../../components/app-link.js";
import { Icon } from "../../components/icon.js";
import { ErrorState } from "../../components/page-states.js";
import { Spoken } from "../../components/spoken.js";
import { Badge } from "../../components/state-badge.js";
import { whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";
import "./operation-strip.css";

const VERBS: Readonly<Record<OperationDetail["kind"], string>> = {
  rerun: "Re-run",
  retry: "Retry",
  revoke: "Revoke",
  terminate: "Terminate",
  forget: "Forget",
  "stop-all": "Stop all",
};
/** Reasons listed at most; the operation's own page has all. */
const LISTED = 5;

/** An operation that was started on this page: how far it is, and in the end what became of each task that was not simply done. */
export function OperationStrip({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const path = apiPath`operations/${id}`;
  const answer = useApi<OperationDetail>(path, {}, { live: [`operation:${id}`], refetchEvery: 5 });
  const cancel = useAction((key) => api.post(`${path}/cancel`, {}, { idempotencyKey: key }), {
    failed: "The operation could not be cancelled",
    refresh: [path],
  });
  const operation = answer.data;
  if (operation === undefined) {
    return answer.error === null ? null : (
      <ErrorState error={answer.error} title="The operation could not be followed" />
    );
  }
  const underWay = operation.state === "waiting" || operation.state === "running";
  const others = operation.items.filter((item) => item.outcome !== "done");
  return (
    <section className="lv-operation" aria-label={`${VERBS[operation.kind]}, operation`}>
      <div className="lv-operation-line">
        <strong>{VERBS[operation.kind]}</strong>
        <Badge tone={underWay ? "running" : operation.state === "done" ? "good" : "warning"}>{operation.state}</Badge>
        <progress max={Math.max(1, operation.total ?? 1)} value={settled(operation)} aria-label="Settled tasks" />
        <span className="lv-number">{figures(operation)}</span>
        <Spoken text={spokenText(operation)} />
        <AppLink to={paths.operation(id)}>Details</AppLink>
        {underWay ? (
          <Button size="compact-sm" variant="default" loading={cancel.pending} onClick={() => cancel.run()}>
            Cancel the rest
          </Button>
        ) : (
          <ActionIcon variant="subtle" color="gray" size={26} aria-label="Close" onClick={onClose}>
            <Icon name="close" size={14} />
          </ActionIcon>
        )}
      </div>
      {operation.error !== null && <p className="lv-operation-error">{operation.error}</p>}
      {!underWay && others.length > 0 && (
        <ul className="lv-operation-items">
          {others.slice(0, LISTED).map((item) => (
            <li key={item.target}>
              <AppLink to={paths.task(item.target)} className="lv-mono lv-wrap-anywhere">
                {item.target}
              </AppLink>{" "}
              {item.outcome}: <bdi>{item.detail}</bdi>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function settled({ done, failed, skipped }: OperationDetail): number {
  return done + failed + skipped;
}

/** "Re-run: 120 of 3,412 settled" */
function spokenText(operation: OperationDetail): string {
  const total = operation.total === null ? "" : ` of ${whole(operation.total)}`;
  return `${VERBS[operation.kind]}: ${whole(settled(operation))}${total} settled`;
}

/** "120 of 3,412 done, 2 failed, 1 skipped". */
function figures(operation: OperationDetail): string {
  const { done, failed, skipped, total } = operation;
  const parts = [
    `${whole(done)}${total === null ? "" : ` of ${whole(total)}`} done`,
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(skipped > 0 ? [`${whole(skipped)} skipped`] : []),
  ];
  return parts.join(", ");
}
