import type { Operation } from "../../../api/operations.js";
import { whole } from "../../components/table-texts.js";

/** How much of an operation is done, failed and skipped. */
export function OperationProgress({ operation }: { readonly operation: Operation }) {
  const { total, done, failed, skipped } = operation;
  const width = (count: number) => ({ width: total === null || total === 0 ? "0%" : `${(count / total) * 100}%` });
  return (
    <div className="lv-operation-progress">
      <div className="lv-stacked-bar" aria-hidden="true">
        <span className="lv-tone-good" style={width(done)} />
        <span className="lv-tone-bad" style={width(failed)} />
        <span className="lv-tone-quiet" style={width(skipped)} />
      </div>
      <span className="lv-number">
        {whole(done + failed + skipped)}
        <span className="lv-muted"> of {total === null ? "– (not counted yet)" : whole(total)}</span>
      </span>
    </div>
  );
}
