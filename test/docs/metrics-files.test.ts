import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EventMetrics } from "../../packages/console/src/server/metrics/event-metrics.js";
import { StateMetrics } from "../../packages/console/src/server/metrics/state-metrics.js";
import { readPage } from "./markdown.js";

const DASHBOARD = "deploy/grafana/lovage.json";
const ALERTS = "deploy/prometheus/alerts.yaml";
/** Grafana's variable: whoever imports the dashboard chooses. */
const DATA_SOURCE = `\${datasource}`;

/** Labels by metric, as the console registers them. */
const REGISTERED = registeredMetrics();

describe.each([DASHBOARD, ALERTS])("the metrics of %s", (file) => {
  test("are all told by the console", () => {
    const named = metricsIn(readPage(file).replace(/^\s*#.*$/gm, ""));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !REGISTERED.has(name))).toEqual([]);
  });
});

describe("the dashboard", () => {
  const panels = Dashboard().parse(JSON.parse(readPage(DASHBOARD))).panels;
  const targets = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

  test("asks for every figure of its own by labels that it has", () => {
    const wrong = targets.filter(({ expr, legendFormat = "" }) => unknownLabels(expr, legendFormat).length > 0);
    expect(wrong).toEqual([]);
  });

  test("has panels of their own number, side by side without overlap", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const overlaps = panels.flatMap((one, index) =>
      panels.slice(index + 1).filter((other) => overlap(one.gridPos, other.gridPos)),
    );
    expect(overlaps).toEqual([]);
  });
});

test("each alert has a name of its own, and asks by labels that there are", () => {
  const rules = readPage(ALERTS)
    .split(/^ +- alert: /m)
    .slice(1);
  const names = rules.map((rule) => /^\w+/.exec(rule)?.[0]);
  expect(new Set(names).size).toBe(rules.length);
  for (const rule of rules) {
    const expression = /^ +expr: (?:\|\n)?([\s\S]+?)\n {8}(?:for|labels):/m.exec(rule)?.[1] ?? "";
    expect(expression, rule).not.toBe("");
    if (metricsIn(expression).length > 0) expect(unknownLabels(expression, ""), rule).toEqual([]);
  }
});

function registeredMetrics(): ReadonlyMap<string, readonly string[]> {
  const registry = new Registry();
  new EventMetrics(registry);
  new StateMetrics(registry);
  // What their classes keep and their types do not say.
  const WithLabels = z.object({ name: z.string(), labelNames: z.array(z.string()) });
  return new Map(
    z
      .array(WithLabels)
      .parse(registry.getMetricsAsArray())
      .map(({ name, labelNames }) => [name, labelNames]),
  );
}

/** Without the endings that a histogram's series have. */
function metricsIn(text: string): readonly string[] {
  const names = [...text.matchAll(/\b(?:lovage|flower)_[a-z_]*[a-z]\b/g)].map(([name]) => name);
  return [...new Set(names.map((name) => name.replace(/_(?:bucket|sum|count)$/, "")))];
}

/** Labels that an expression or its legend uses and none of its metrics has. `le` is a histogram's own. */
function unknownLabels(expression: string, legend: string): readonly string[] {
  const known = new Set(["le", ...metricsIn(expression).flatMap((name) => REGISTERED.get(name) ?? [])]);
  const used = [
    ...[...expression.matchAll(/\b(?:by|on) ?\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(",")),
    ...[...expression.matchAll(/[{,](\w+)(?==)/g)].map(([, label = ""]) => label),
    ...[...legend.matchAll(/{{(\w+)}}/g)].map(([, label = ""]) => label),
  ].map((label) => label.trim());
  return used.filter((label) => label !== "" && !known.has(label));
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function overlap(one: Place, other: Place): boolean {
  return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}

/** As much of a dashboard's form as is looked at here. Every panel that asks does so of the data source that is chosen. */
function Dashboard() {
  const chosen = z.object({ type: z.literal("prometheus"), uid: z.literal(DATA_SOURCE) });
  const place = z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() });
  const target = z.object({ datasource: chosen, expr: z.string().min(1), legendFormat: z.string().optional() });
  return z.object({
    panels: z
      .array(
        z.object({ id: z.number(), title: z.string(), gridPos: place, targets: z.array(target).min(1).optional() }),
      )
      .min(1),
  });
}
