import { Modal, NumberInput, Radio, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ActionOutcome, ActionReply } from "../../../api/common.js";
import type { WorkerDetail } from "../../../api/workers.js";
import { api, apiPath, randomKey } from "../../api/client.js";
import type { Undo } from "../../api/offer-undo.js";
import { useAction } from "../../api/use-action.js";
import { useApi } from "../../api/use-api.js";
import { DialogForm } from "../../components/dialog-form.js";
import type { Reply } from "../../components/reply-strip.js";
import { changed, type OneWorkerOrders } from "./use-orders.js";

type Limit = WorkerDetail["limits"][number];

export interface LimitsDialogProps {
  readonly worker: WorkerDetail;
  readonly limit: Limit;
  readonly orders: OneWorkerOrders;
  readonly onClose: () => void;
}

/** Limits as they are to be; what is not named stays as it is. */
export interface LimitChange {
  readonly task: string;
  readonly all: boolean;
  readonly rateLimit?: string | null;
  readonly times?: { readonly soft: number | null; readonly hard: number | null };
}

/** Sends the limits that change, and tells of each worker what it answered. */
export function useSetLimits(worker: WorkerDetail, done: (reply: Reply) => void, failed?: string) {
  return useAction(
    async (key, change: LimitChange, _before: Limit): Promise<Reply> => ({
      what: `Limits of ${change.task}`,
      outcomes: await sendLimits(worker, key, change),
    }),
    {
      done,
      undo: ({ outcomes }, change, before) => (outcomes.every(changed) ? undoOf(worker, change, before) : undefined),
      refresh: ["workers", "task-types"],
      ...(failed !== undefined && { failed }),
    },
  );
}

async function sendLimits(
  worker: WorkerDetail,
  key: string,
  { task, all, rateLimit, times }: LimitChange,
): Promise<readonly ActionOutcome[]> {
  const path = apiPath`workers/${worker.name}`;
  const outcomes: ActionOutcome[] = [];
  if (rateLimit !== undefined) {
    const body = { task, rateLimit, all };
    const reply = await api.post<ActionReply>(`${path}/rate-limit`, body, { idempotencyKey: `${key}r` });
    outcomes.push(...reply.outcomes);
  }
  if (times !== undefined) {
    const body = { task, ...times, all };
    const reply = await api.post<ActionReply>(`${path}/time-limit`, body, { idempotencyKey: `${key}t` });
    outcomes.push(...reply.outcomes);
  }
  return outcomes;
}

/** Of one worker the limits as they were are known; those of all may each have been others. */
function undoOf(worker: WorkerDetail, { task, all, rateLimit, times }: LimitChange, before: Limit): Undo | undefined {
  if (all) return undefined;
  const old: LimitChange = {
    task,
    all,
    ...(rateLimit !== undefined && { rateLimit: before.rateLimit }),
    ...(times !== undefined && { times: { soft: before.softTimeLimit, hard: before.timeLimit } }),
  };
  return {
    text: `Changed the limits of ${task}`,
    undone: `The limits of ${task} are as they were`,
    back: () => sendLimits(worker, randomKey(), old),
  };
}

/** Asks for the limits of one task: on this worker, or on all. */
export function LimitsDialog(props: LimitsDialogProps) {
  return (
    <Modal opened onClose={props.onClose} title={`Limits of ${props.limit.task}`}>
      <LimitsForm {...props} />
    </Modal>
  );
}

function LimitsForm({ worker, limit, orders, onClose }: LimitsDialogProps) {
  const [rate, setRate] = useState(limit.rateLimit ?? "");
  const [soft, setSoft] = useState<number | string>(limit.softTimeLimit ?? "");
  const [hard, setHard] = useState<number | string>(limit.timeLimit ?? "");
  const [all, setAll] = useState(false);
  const fleet = useApi<{ readonly items: readonly { readonly status: string }[] }>("workers");
  const online = fleet.data?.items.filter(({ status }) => status === "online").length;
  const save = useSetLimits(worker, (reply) => {
    orders.setReply(reply);
    onClose();
  });
  const change = changeOf(limit, { rate, soft, hard, all });
  const crossed = soft !== "" && hard !== "" && Number(soft) > Number(hard);
  const noRate = orders.reason("rate-limit");
  const noTime = orders.reason("time-limit");
  return (
    <DialogForm
      onSubmit={() => change && save.run(change, limit)}
      onClose={onClose}
      verb="Set limits"
      pending={save.pending}
      problem={save.problem}
      disabled={change === undefined || crossed}
    >
      <TextInput
        label="Rate limit"
        description={noRate ?? "As in 10/s, 100/m or 1/h; empty: none"}
        value={rate}
        disabled={noRate !== null}
        onChange={(event) => setRate(event.currentTarget.value)}
        autoComplete="off"
        data-autofocus
      />
      <div className="lv-limit-times">
        <NumberInput
          label="Soft limit, seconds"
          description="The task is told to end"
          min={0}
          hideControls
          value={soft}
          disabled={noTime !== null}
          error={crossed && "more than the hard one"}
          onChange={setSoft}
        />
        <NumberInput
          label="Hard limit, seconds"
          description="The task is ended"
          min={0}
          hideControls
          value={hard}
          disabled={noTime !== null}
          onChange={setHard}
        />
      </div>
      {noTime !== null && <p className="lv-muted">Time limits: {noTime}</p>}
      <Radio.Group label="Where" value={all ? "all" : "this"} onChange={(value) => setAll(value === "all")}>
        <div className="lv-stack lv-radios">
          <Radio value="this" label={`This worker: ${worker.name}`} />
          <Radio value="all" label={`All workers that are online${online === undefined ? "" : ` (${online})`}`} />
        </div>
      </Radio.Group>
      <p className="lv-muted">A restart of a worker brings back what its program and settings say.</p>
    </DialogForm>
  );
}

interface LimitDraft {
  readonly rate: string;
  readonly soft: number | string;
  readonly hard: number | string;
  readonly all: boolean;
}

/**
 * What differs from what is on this worker. On all of them, limits that differ in nothing are sent too: theirs may be others. Undefined
 * when there is nothing to send.
 */
function changeOf(limit: Limit, { rate, soft, hard, all }: LimitDraft): LimitChange | undefined {
  const rateLimit = rate.trim() === "" ? null : rate.trim();
  const times = { soft: secondsOf(soft), hard: secondsOf(hard) };
  const newRate = rateLimit !== limit.rateLimit;
  const newTimes = times.soft !== limit.softTimeLimit || times.hard !== limit.timeLimit;
  if (!newRate && !newTimes && !all) return undefined;
  return {
    task: limit.task,
    all,
    ...((newRate || (all && !newTimes)) && { rateLimit }),
    ...((newTimes || (all && !newRate)) && { times }),
  };
}

function secondsOf(value: number | string): number | null {
  return value === "" || !Number.isFinite(Number(value)) ? null : Number(value);
}
