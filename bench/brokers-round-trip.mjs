/**
 * How long until a job sent to a waiting worker has run and its result is here, by broker, beside the queues people use today?
 */
import { interleaved, quantile, sized } from "./support/measure.mjs";
import { announce, table } from "./support/report.mjs";
import { stores } from "./support/stores.mjs";

const JOBS = sized(500);

announce("brokers-round-trip: how soon is a result there?", [
  `${JOBS} jobs add(2, 3), one after the other, sent and waited for by the process the worker is in (Celery: by another one)`,
  "milliseconds, medians of the rounds' quantiles; graphile-worker and pg-boss hand no result back",
]);

const rows = [];
for (const { name, contestants } of stores()) {
  const runs = contestants.flatMap(({ name: who, roundTrip }) =>
    roundTrip ? [[who, async () => (await roundTrip(JOBS)).sort((one, other) => one - other)]] : [],
  );
  /** @type {Record<string, number[][]>} */
  const figures = await interleaved(Object.fromEntries(runs));
  const p50 = (/** @type {string} */ who) => quantile((figures[who] ?? []).map((times) => quantile(times)));
  const best = Math.min(
    ...Object.keys(figures)
      .filter((who) => who !== "Lovage")
      .map(p50),
  );
  for (const who of Object.keys(figures)) {
    const p99 = quantile((figures[who] ?? []).map((times) => quantile(times, 0.99)));
    const share = who === "Lovage" && Number.isFinite(best) ? { figure: p50(who) / best, atMost: 1 } : undefined;
    rows.push([`${name}: ${who}`, p50(who), p99, share]);
  }
}
table(["store", "p50 ms", "p99 ms", "p50 of the best peer's"], rows);
