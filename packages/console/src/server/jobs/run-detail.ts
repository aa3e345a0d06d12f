import type { RunDetail } from "../../api/jobs.js";
import { canRevoke, canStop } from "../actions/possible-actions.js";
import type { ConsoleParts } from "../parts.js";
import type { User } from "../route.js";
import type { TaskRecord } from "../store/task-record.js";
import { recallRecord } from "../tasks/find-record.js";
import { HIDDEN_VALUE, shownValue } from "../tasks/task-value.js";
import { type StoredRun, WAITING } from "./run-store.js";
import { linksOf, toRunSummary } from "./run-view.js";

/** Everything there is to know of a run, as this user may see it. Its root task's record may be gone, or not there yet. */
export async function runDetailOf(parts: ConsoleParts, run: StoredRun, user: User): Promise<RunDetail> {
  const stored = await parts.tasks.get(run.id);
  const record = stored && (await recallRecord(parts, stored));
  const job = await parts.jobs.titleOf(run.job);
  const result = record ? shownValue(record.resultJson, record.result) : null;
  return {
    ...toRunSummary(run, { payloads: user.seesPayloads, nowMs: parts.now().getTime() }),
    jobTitle: job.title,
    taskName: record?.name ?? job.task ?? "",
    result: result && !user.seesPayloads ? HIDDEN_VALUE : result,
    error: record?.error ?? null,
    traceback: record?.traceback ?? null,
    links: user.seesPayloads ? linksOf(record?.resultJson ?? null) : [],
    actions: { stop: canStopRun(parts, run, record), rerun: await canRerun(parts, run) },
  };
}

type Possibility = RunDetail["actions"]["stop"];

function canStopRun({ fleet }: ConsoleParts, run: StoredRun, record: TaskRecord | undefined): Possibility {
  if (run.state === WAITING) return { possible: true, reason: null };
  if (!run.open) return { possible: false, reason: `it is over: ${run.state}` };
  if (!record || canRevoke(record).possible) return { possible: true, reason: null };
  const stop = canStop(record, record.worker === null ? undefined : fleet.get(record.worker));
  return { possible: stop.possible, reason: stop.reason };
}

async function canRerun({ jobs }: ConsoleParts, run: StoredRun): Promise<Possibility> {
  const { task } = await jobs.titleOf(run.job);
  return task === null ? { possible: false, reason: `job ${run.job} is gone` } : { possible: true, reason: null };
}
