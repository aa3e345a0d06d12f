import type { ReactNode } from "react";
import type { totalsOf } from "../../../api/worker-totals.js";
import { AppLink } from "../../components/app-link.js";
import { short, whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";

type Totals = ReturnType<typeof totalsOf>;

interface Total {
  /** Of the column that it stands under. */
  readonly key: string;
  readonly title: string;
  readonly text: (totals: Totals) => string;
  /** The tasks behind it. */
  readonly search: Readonly<Record<string, string>>;
}

const RUNNING = { state: "STARTED,PROGRESS" };
const TOTALS: readonly Total[] = [
  { key: "slots", title: "Slots", text: ({ busy, slots }) => `${whole(busy)} / ${whole(slots)}`, search: RUNNING },
  { key: "active", title: "Active", text: ({ active }) => figure(active), search: RUNNING },
  { key: "reserved", title: "Reserved", text: ({ reserved }) => figure(reserved), search: { state: "RECEIVED" } },
  { key: "processed", title: "Processed", text: ({ processed }) => figure(processed), search: {} },
  { key: "succeeded", title: "Succeeded", text: ({ succeeded }) => figure(succeeded), search: { state: "SUCCESS" } },
  { key: "failed", title: "Failed", text: ({ failed }) => figure(failed), search: { state: "FAILURE" } },
  { key: "retried", title: "Retried", text: ({ retried }) => figure(retried), search: { q: "retries:>0" } },
];

function figure(value: number): string {
  return value < 1_000_000 ? whole(value) : short(value);
}

/** More workers than these are not named in a search. */
const NAMED = 10;

/** The workers as a search for their tasks; undefined for all of them. */
export function searchOfWorkers(names: readonly string[]): string | undefined {
  if (names.length === 0 || names.length > NAMED) return undefined;
  return names.map((name) => `worker:"${name.replace(/["\\]/g, "\\$&")}"`).join(" OR ");
}

interface TotalsProps {
  readonly totals: Totals;
  /** Narrows the tasks to those of the workers that are listed, in the search language. */
  readonly of: string | undefined;
}

/** The row of sums below the table; each opens the tasks that it counts. */
export function totalCells({ totals, of }: TotalsProps): Readonly<Record<string, ReactNode>> {
  const cells = TOTALS.map((total) => [total.key, <TotalLink key={total.key} total={total} totals={totals} of={of} />]);
  return { name: <span>{whole(totals.online)} online</span>, ...Object.fromEntries(cells) };
}

/** The same sums where rows are cards and have no columns. */
export function TotalStrip({ totals, of }: TotalsProps) {
  return (
    <section className="lv-worker-totals" aria-label="Totals of the workers that are online">
      <dl className="lv-tile-row">
        {TOTALS.map((total) => (
          <div key={total.key}>
            <dt>{total.title}</dt>
            <dd>
              <TotalLink total={total} totals={totals} of={of} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function TotalLink({ total, totals, of }: TotalsProps & { readonly total: Total }) {
  const text = total.text(totals);
  const q = [total.search.q, of !== undefined && total.search.q !== undefined ? `(${of})` : of].filter(Boolean);
  return (
    <AppLink
      to={paths.tasks({ ...total.search, q: q.join(" ") })}
      className="lv-number lv-total-link"
      aria-label={`${total.title} ${text}: open the tasks`}
      title="Of workers that are online: open the tasks"
    >
      {text}
    </AppLink>
  );
}
