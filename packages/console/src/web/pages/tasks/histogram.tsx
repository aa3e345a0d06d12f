import { durationText } from "../../components/duration.js";
import "./histogram.css";

export interface HistogramProps {
  /** Buckets, the shortest first; each holds what took longer than the one before, up to `upTo` seconds. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
}

/** Runtimes as a table whose figures are bars: there is nothing to hover, and it reads as what it is. */
export function Histogram({ buckets }: HistogramProps) {
  const most = Math.max(1, ...buckets.map((bucket) => bucket.count));
  return (
    <table className="lv-histogram">
      <caption className="lv-sr-only">Runs by runtime</caption>
      <thead className="lv-sr-only">
        <tr>
          <th scope="col">Runtime</th>
          <th scope="col">Runs</th>
        </tr>
      </thead>
      <tbody>
        {buckets.map((bucket) => (
          <tr key={bucket.upTo}>
            <th scope="row">{Number.isFinite(bucket.upTo) ? `≤ ${durationText(bucket.upTo)}` : "longer"}</th>
            <td>
              <span className="lv-histogram-bar" style={{ width: `${(bucket.count / most) * 100}%` }} />
              <span className="lv-number">{bucket.count.toLocaleString("en")}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
