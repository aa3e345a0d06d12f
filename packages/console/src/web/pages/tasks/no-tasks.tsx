import { Button } from "@mantine/core";
import type { ActionReply } from "../../../api/common.js";
import type { WorkerSummary } from "../../../api/workers.js";
import { api, apiPath } from "../../api/client.js";
import { useAction } from "../../api/use-action.js";
import { useApi } from "../../api/use-api.js";
import { NeedsRole } from "../../components/needs-role.js";
import { allDone, outcomeSummary } from "../../components/outcome-list.js";
import { Empty } from "../../components/page-states.js";
import { useNotify } from "../../state/app-context.js";

/** What the list of tasks says while nobody has told of any: how to send one, and whether workers are silent about theirs. */
export function NoTasks() {
  return (
    <Empty title="No task has been heard of yet" icon="tasks" code={"await add.delay(2, 3);"} action={<EventsOff />}>
      Tasks appear when they are sent. Send one from the program, or with Send task above.
    </Empty>
  );
}

/** Workers that run tasks and tell nobody, and the button that changes that. Nothing where all of them tell. */
function EventsOff() {
  const notify = useNotify();
  const workers = useApi<{ readonly items: readonly WorkerSummary[] }>("workers", {}, { live: ["workers"] });
  const silent = (workers.data?.items ?? []).filter((worker) => worker.status === "online" && worker.events === false);
  const enable = useAction(
    async (key, names: readonly string[]) => {
      const replies = await Promise.all(
        names.map((name) =>
          api.post<ActionReply>(
            apiPath`workers/${name}/events`,
            { enabled: true },
            { idempotencyKey: `${key}-${name}` },
          ),
        ),
      );
      return replies.flatMap((reply) => reply.outcomes);
    },
    {
      failed: "Events could not be enabled",
      done: (outcomes) =>
        notify({ kind: allDone(outcomes) ? "done" : "problem", text: `Enable events: ${outcomeSummary(outcomes)}` }),
      refresh: ["workers"],
    },
  );
  if (silent.length === 0) {
    return null;
  }
  return (
    <div className="lv-row-of">
      <span>
        Events are off on {silent.length} {silent.length === 1 ? "worker" : "workers"}
      </span>
      <NeedsRole role="operator">
        <Button
          size="xs"
          variant="default"
          loading={enable.pending}
          onClick={() => enable.run(silent.map((worker) => worker.name))}
        >
          Enable
        </Button>
      </NeedsRole>
    </div>
  );
}
