import { cpus, loadavg } from "node:os";
import { compared, ITERATIONS } from "./measure.mjs";

/**
 * Prints what is asked, and with which parameters.
 * @param {string} question
 * @param {readonly string[]} parameters
 */
export function announce(question, parameters) {
  console.log(`\n${question}`);
  const rounds =
    ITERATIONS === 1 ? "1 round: a trial run, its figures mean nothing" : `medians of ${ITERATIONS} rounds`;
  for (const line of [...parameters, rounds]) console.log(`  ${line}`);
}

/**
 * @typedef {object} Aim
 * @property {number} figure
 * @property {number} [atLeast]
 * @property {number} [atMost]
 * @property {string} [unit]
 */

/**
 * Prints a table. An aim is printed beside what it is compared with and decides nothing: time measured on a shared machine is no test.
 * @param {readonly string[]} columns the first one names the rows
 * @param {readonly (readonly (string | number | Aim | undefined)[])[]} rows
 */
export function table(columns, rows) {
  const texts = [columns, ...rows.map((row) => row.map(cell))];
  const widths = columns.map((_, at) => Math.max(...texts.map((row) => (row[at] ?? "").length)));
  console.log();
  for (const row of texts) {
    const cells = row.map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)));
    console.log(`  ${cells.join("   ").trimEnd()}`);
  }
}

/** @param {string | number | Aim | undefined} value */
function cell(value) {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return number(value);
  const { figure, atLeast, atMost, unit = "" } = value;
  const met = atLeast !== undefined ? figure >= atLeast : figure <= (atMost ?? Number.POSITIVE_INFINITY);
  const aim = atLeast !== undefined ? `aim >= ${atLeast}${unit}` : `aim <= ${atMost}${unit}`;
  return Number.isNaN(figure) ? "not measured" : `${number(figure)}${unit} (${aim}: ${met ? "met" : "missed"})`;
}

/** @param {number} value three digits that count, thousands apart */
function number(value) {
  if (Number.isNaN(value)) return "not measured";
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The columns that `againstRaw` fills. */
export const AGAINST_RAW = ["tasks/s", "raw/s", "share", "CPU us", "raw CPU us", "share by CPU"];

/** Of the raw client's rate. */
const AIM_SHARE = 0.5;

/**
 * Costs beside the raw client's.
 * @param {readonly import("./measure.mjs").Cost[]} costs
 * @param {readonly import("./measure.mjs").Cost[]} raw
 */
export function againstRaw(costs, raw) {
  const { rate, baseRate, share, cpu, baseCpu, cpuShare } = compared(costs, raw);
  return [rate, baseRate, { figure: share, atLeast: AIM_SHARE }, cpu, baseCpu, cpuShare];
}

/** What the figures were measured with and on. */
export function machine() {
  const [processor] = cpus();
  const load = loadavg()
    .map((each) => each.toFixed(1))
    .join(" ");
  return [
    `Node ${process.version}, ${process.platform} ${process.arch}`,
    `${cpus().length} x ${processor?.model.trim() ?? "unknown processor"}`,
    `load before the run: ${load}`,
  ];
}
