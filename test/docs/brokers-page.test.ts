import { describe, expect, test } from "vitest";
import type { BackendCapabilities } from "../../packages/lovage/src/backends/backend.js";
import { openBackend } from "../../packages/lovage/src/backends/open-backend.js";
import type { BrokerCapabilities } from "../../packages/lovage/src/brokers/broker.js";
import { openBroker } from "../../packages/lovage/src/brokers/open-broker.js";
import { REDIS_BROKER_OPTIONS } from "../../packages/lovage/src/brokers/redis/options.js";
import { Connections } from "../../packages/lovage/src/connections/connections.js";
import { POSTGRES_CONNECTION_OPTIONS } from "../../packages/lovage/src/connections/postgres-url.js";
import { REDIS_CONNECTION_OPTIONS } from "../../packages/lovage/src/connections/redis-url.js";
import { silentLogger } from "../../packages/lovage/src/util/logger.js";
import { readPage } from "./markdown.js";

const PAGE = readPage("docs/brokers.md");
/** By the schemes that head the tables; nobody is there, and nobody is asked. */
const URLS: Readonly<Record<string, string>> = {
  "memory://": "memory://",
  "sqlite:": "sqlite:/nowhere/shop.db",
  "redis://": "redis://127.0.0.1:1",
  "amqp://": "amqp://127.0.0.1:1",
  "postgres://": "postgres://127.0.0.1:1/shop",
  "rpc://": "rpc://",
};

type Cell<Capabilities> = (capabilities: Capabilities) => string;
const yesNo = (fact: boolean): string => (fact ? "yes" : "no");

const BROKER_ROWS: Readonly<Record<string, Cell<BrokerCapabilities>>> = {
  "messages outlive the process": ({ durable }) => yesNo(durable),
  "other processes see them": ({ shared }) => yesNo(shared),
  "levels of priority (0 to 9)": ({ priorities, priorityLevels = 10 }) => (priorities ? String(priorityLevels) : "–"),
  "a dead worker's messages come back": ({ leases, durable }) => {
    if (!durable) return "–";
    return leases ? "after the lease" : "at once";
  },
  "a worker that was frozen cannot win against its replacement (fencing)": ({ fencing }) => yesNo(fencing),
  "deliveries are counted": ({ deliveryCount }) => ({ each: "each", repeated: "first or later" })[deliveryCount],
  "a task starts later than its ETA by at most": ({ etaStep }) => (etaStep === 0 ? "–" : `${etaStep} s`),
  "lists can tell what workers hold": ({ inspection }) => yesNo(inspection.held),
  "lists can tell what waits for its ETA": ({ inspection }) => yesNo(inspection.scheduled),
  "lists know queues of others": ({ inspection }) => yesNo(inspection.queues === "all"),
  "age of the oldest message": ({ oldestMessage }) => yesNo(oldestMessage),
  "looking into a queue leaves it as it is": ({ peek }) => yesNo(peek === "clean"),
  "result and acknowledgement in one commit (same URL for both)": ({ log }) => yesNo(log !== undefined),
};

const BACKEND_ROWS: Readonly<Record<string, Cell<BackendCapabilities>>> = {
  "results outlive the process": ({ durable }) => yesNo(durable),
  "read by": ({ readers, shared }) => {
    if (readers === "sender") return "the sender";
    return shared ? "everybody" : "this process";
  },
  "a frozen worker cannot overwrite a result (fencing)": ({ fencing }) => yesNo(fencing),
  "groups and chords": ({ groups }) => yesNo(groups),
  "what expired goes": ({ expiry }) => (expiry === "itself" ? "by itself" : "by a worker"),
};

describe("docs/brokers.md", () => {
  test("says of brokers what the drivers say", async () => {
    const table = tableWith("messages outlive the process");
    const capabilities = await Promise.all(
      table.head.map(async (scheme) => {
        const options = { connections: new Connections(), logger: silentLogger, leaseSeconds: 15, publishTimeout: 10 };
        return (await openBroker({ ...options, url: URLS[scheme] ?? scheme })).capabilities;
      }),
    );
    expect(table.rows).toEqual(rowsOf(BROKER_ROWS, capabilities));
  });

  test("says of result backends what the drivers say", async () => {
    const table = tableWith("results outlive the process");
    const capabilities = await Promise.all(
      table.head.map(async (scheme) => {
        const options = { connections: new Connections(), logger: silentLogger, resultExpires: 60 };
        const brokerUrl = "amqp://127.0.0.1:1";
        return (await openBackend({ ...options, brokerUrl, url: URLS[scheme] ?? scheme })).capabilities;
      }),
    );
    expect(table.rows).toEqual(rowsOf(BACKEND_ROWS, capabilities));
  });

  test("has every transport option", async () => {
    // RabbitMQ's are listed by the error that refuses one.
    const refused = await openBroker({
      url: "amqp://127.0.0.1:1?no-such-option=1",
      connections: new Connections(),
      logger: silentLogger,
      leaseSeconds: 15,
      publishTimeout: 10,
    }).catch(String);
    const rabbitmq = /known are (.*)$/.exec(String(refused))?.[1]?.split(", ") ?? [];
    expect(rabbitmq).toContain("heartbeat");
    const all = [...REDIS_BROKER_OPTIONS, ...REDIS_CONNECTION_OPTIONS, ...POSTGRES_CONNECTION_OPTIONS, ...rabbitmq];
    expect(all.filter((name) => !PAGE.includes(`\`${name}\``))).toEqual([]);
  });
});

interface Table {
  /** The heads of its columns but the first, without marks. */
  readonly head: readonly string[];
  readonly rows: Readonly<Record<string, readonly string[]>>;
}

/** The page's table that begins with this row. */
function tableWith(firstRow: string): Table {
  const lines = PAGE.split("\n");
  const first = lines.findIndex((line) => line.startsWith(`| ${firstRow} |`));
  if (first < 2) throw new Error(`docs/brokers.md has no table that begins with "${firstRow}"`);
  const [, ...head] = cellsOf(lines[first - 2] ?? "");
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  const rows = lines.slice(first, end).map((line) => {
    const [name = "", ...cells] = cellsOf(line);
    return [name, cells] as const;
  });
  return { head: head.map((cell) => cell.replaceAll("`", "")), rows: Object.fromEntries(rows) };
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());
}

function rowsOf<T>(rows: Readonly<Record<string, Cell<T>>>, capabilities: readonly T[]): Record<string, string[]> {
  return Object.fromEntries(Object.entries(rows).map(([name, cell]) => [name, capabilities.map(cell)]));
}
