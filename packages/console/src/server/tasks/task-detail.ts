import { encodeJson } from "lovage/internal";
import type { TaskDetail, TaskValue } from "../../api/tasks.js";
import { type Arguments, areExact } from "../actions/exact-arguments.js";
import { isObject, readExactObject } from "../actions/exact-json.js";
import { possibleActions } from "../actions/possible-actions.js";
import { redactValue } from "../ingest/redact.js";
import type { ConsoleParts } from "../parts.js";
import type { User } from "../route.js";
import { parseFields } from "../store/stored-json.js";
import type { StoredEvent, TaskRecord } from "../store/task-record.js";
import { errorChainOf } from "./error-chain.js";
import { toSummary } from "./task-summary.js";
import { exactValue, HIDDEN_VALUE, shownValue } from "./task-value.js";

/** Tasks that one sent, as far as they are listed. */
const MOST_CHILDREN = 500;
/** Celery's default, and ours. */
const DEFAULT_MAX_RETRIES = 3;

/** Everything there is to know of a task, as this user may see it. */
export async function detailOf(parts: ConsoleParts, record: TaskRecord, user: User): Promise<TaskDetail> {
  const { id } = record;
  const [found, rerunAs, children, events] = await Promise.all([
    parts.actions.arguments.find(record),
    parts.tasks.rerunsOf(id),
    parts.tasks.childrenOf(id, MOST_CHILDREN),
    parts.tasks.events(id),
  ]);
  const worker = record.worker === null ? undefined : parts.fleet.get(record.worker);
  return {
    ...toSummary(record, { payloads: user.seesPayloads, nowMs: parts.now().getTime() }),
    ...valuesOf(record, user.seesPayloads ? shownArguments(parts, record, found) : undefined),
    traceback: record.traceback,
    errorChain: [...errorChainOf(record.error, record.traceback)],
    exactArguments: areExact(found)
      ? { known: true, source: found.source, reason: null }
      : { known: false, source: null, reason: found.reason },
    maxRetries: maxRetriesOf(parts, record, events),
    timeLimit: record.timeLimit,
    softTimeLimit: record.softTimeLimit,
    contentType: record.contentType,
    sizeBytes: record.sizeBytes,
    deliveries: record.deliveries,
    slot: record.slot,
    stamps: { ...readExactObject(record.stampsJson) },
    rerunAs: [...rerunAs],
    children: [...children],
    logsCut: record.logsCut,
    actions: possibleActions(record, worker, found, await parts.actions.lossOfRetry(record, found, events)),
  };
}

interface ShownArguments {
  readonly args: TaskValue | null;
  readonly kwargs: TaskValue | null;
}

/** Without `shown`: for who may not see contents. What is not known stays null for them too. */
function valuesOf(
  record: TaskRecord,
  shown: ShownArguments | undefined,
): Pick<TaskDetail, "argsValue" | "kwargsValue" | "resultValue"> {
  const result = shownValue(record.resultJson, record.result);
  if (shown) return { argsValue: shown.args, kwargsValue: shown.kwargs, resultValue: result };
  const hidden = (known: boolean): TaskValue | null => (known ? HIDDEN_VALUE : null);
  return {
    argsValue: hidden(record.argsJson !== null || record.args !== null),
    kwargsValue: hidden(record.kwargsJson !== null || record.kwargs !== null),
    resultValue: hidden(result !== null),
  };
}

/** What the record has, else what was found elsewhere: that has not been redacted yet. */
function shownArguments({ app }: ConsoleParts, record: TaskRecord, found: Arguments): ShownArguments {
  const kept = { args: shownValue(record.argsJson, record.args), kwargs: shownValue(record.kwargsJson, record.kwargs) };
  // Where the app redacts for itself, only ingestion knows how.
  if (!areExact(found) || app.redact || (record.argsJson !== null && record.kwargsJson !== null)) return kept;
  return { args: redacted(found.args) ?? kept.args, kwargs: redacted(found.kwargs) ?? kept.kwargs };
}

function redacted(value: unknown): TaskValue | undefined {
  try {
    const { value: shown, cut } = redactValue(value);
    const view = exactValue(encodeJson(shown));
    return cut ? { ...view, sizeBytes: Buffer.byteLength(encodeJson(value)), cut: true } : view;
  } catch {
    // NaN, which Python sends and JSON has no form for.
    return undefined;
  }
}

/** As the worker told when it received the task, else as the app's own definition has it. Null: no limit, or not known. */
function maxRetriesOf({ app }: ConsoleParts, { name }: TaskRecord, events: readonly StoredEvent[]): number | null {
  const received = events.findLast(({ type }) => type === "task-received");
  const { lovage } = parseFields(received?.fieldsJson ?? null);
  const told = isObject(lovage) ? lovage.max_retries : undefined;
  if (typeof told === "number" || told === null) return told;
  const definition = name === null ? undefined : app.findTask(name);
  if (!definition) return null;
  const { maxRetries } = definition.options;
  return maxRetries === undefined ? DEFAULT_MAX_RETRIES : maxRetries;
}
