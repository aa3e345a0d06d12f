import { compared, quantile } from "./measure.mjs";

/** The columns that `ratioRows` fills. */
export const RATIOS = ["jobs/s", "CPU us", "Lovage : this one"];

/**
 * One row for each contestant, and what Lovage reaches of its rate.
 * @param {string} label
 * @param {Readonly<Record<string, import("./measure.mjs").Cost[]>>} figures by contestant
 * @param {(who: string) => number | undefined} aim
 */
export function ratioRows(label, figures, aim) {
  const own = figures.Lovage ?? [];
  return Object.entries(figures)
    .filter(([, costs]) => costs.some(({ rate }) => !Number.isNaN(rate)))
    .map(([who, costs]) => {
      const ratio = who === "Lovage" ? undefined : compared(own, costs).share;
      const atLeast = aim(who);
      return [
        `${label}: ${who}`,
        quantile(costs.map(({ rate }) => rate)),
        quantile(costs.map(({ cpu }) => cpu)),
        ratio === undefined || atLeast === undefined ? ratio : { figure: ratio, atLeast },
      ];
    });
}
