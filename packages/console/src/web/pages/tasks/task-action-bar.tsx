import { Button, Menu } from "@mantine/core";
import type { ReactElement } from "react";
import type { TaskDetail } from "../../../api/tasks.js";
import { useOpenPath } from "../../components/app-link.js";
import { useCopy } from "../../components/copy-button.js";
import { Icon } from "../../components/icon.js";
import { DisabledWhen } from "../../components/needs-role.js";
import { paths } from "../../paths.js";
import { useMay, useNotify } from "../../state/app-context.js";
import { texts } from "../../texts.js";
import { COPY_LANGUAGES, copyTaskAs } from "./copy-as.js";
import { hasEnded, isRunning } from "./fitting-actions.js";
import { type TaskActs, useTaskActs } from "./use-task-acts.js";

/** What can be done with a task in its state; what cannot be done now is disabled and says why. */
export function TaskActionBar({ task }: { readonly task: TaskDetail }) {
  const openPath = useOpenPath();
  const acts = useTaskActs(() => openPath(paths.tasks()));
  return (
    <>
      {hasEnded(task.state) ? (
        <EndedActions task={task} acts={acts} />
      ) : isRunning(task.state) ? (
        <RunningActions task={task} acts={acts} />
      ) : (
        <Revoke task={task} acts={acts} />
      )}
      <MoreActions task={task} acts={acts} />
      {acts.dialog}
    </>
  );
}

interface ActionProps {
  readonly task: TaskDetail;
  readonly acts: TaskActs;
}

/** Why an action cannot be done: the role first, then the state. Null: it can. */
function useReason() {
  const may = useMay("operator");
  return (possible: { readonly possible: boolean; readonly reason: string | null } | undefined): string | null => {
    if (!may) {
      return texts.needsRole("operator");
    }
    return possible === undefined || possible.possible ? null : (possible.reason ?? "not possible now");
  };
}

function Possible({
  reason,
  children,
}: {
  readonly reason: string | null;
  readonly children: ReactElement<{ disabled?: boolean }>;
}) {
  return <DisabledWhen reason={reason}>{children}</DisabledWhen>;
}

function Revoke({ task, acts }: ActionProps) {
  const reason = useReason();
  return (
    <Possible reason={reason(task.actions.revoke)}>
      <Button
        color="red"
        variant="light"
        leftSection={<Icon name="stop" size={14} />}
        onClick={() => acts.revoke(task)}
      >
        Revoke
      </Button>
    </Possible>
  );
}

function RunningActions({ task, acts }: ActionProps) {
  const reason = useReason();
  return (
    <>
      <Possible reason={reason(task.actions.stop)}>
        <Button variant="default" leftSection={<Icon name="pause" size={14} />} onClick={() => acts.stop(task)}>
          Ask to stop
        </Button>
      </Possible>
      <Possible reason={reason(task.actions.terminate)}>
        <Button
          color="red"
          variant="light"
          leftSection={<Icon name="stop" size={14} />}
          onClick={() => acts.terminate(task)}
        >
          Terminate
        </Button>
      </Possible>
    </>
  );
}

function EndedActions({ task, acts }: ActionProps) {
  const reason = useReason();
  const openPath = useOpenPath();
  const edit = () => openPath(paths.send({ from: task.id }));
  // Without exact arguments a re-run is possible all the same: by writing them down.
  const exact = task.exactArguments.known;
  return (
    <>
      <Possible reason={exact ? reason(task.actions.rerun) : reason(undefined)}>
        <Button
          loading={acts.pending}
          leftSection={<Icon name="rerun" size={14} />}
          onClick={() => (exact ? acts.rerun(task) : edit())}
        >
          {exact ? "Re-run" : "Re-run…"}
        </Button>
      </Possible>
      <Possible reason={reason(undefined)}>
        <Button variant="default" leftSection={<Icon name="edit" size={14} />} onClick={edit}>
          Re-run with changes
        </Button>
      </Possible>
      <Possible reason={reason(task.actions.retry)}>
        <Button variant="default" leftSection={<Icon name="refresh" size={14} />} onClick={() => acts.retry(task)}>
          Retry
        </Button>
      </Possible>
      {task.state === "LOST" && <Revoke task={task} acts={acts} />}
    </>
  );
}

function MoreActions({ task, acts }: ActionProps) {
  const reason = useReason();
  const notify = useNotify();
  const forgetReason = reason(task.actions.forget);
  const copy = useCopy();
  const copyAs = (language: (typeof COPY_LANGUAGES)[number]) =>
    copy(copyTaskAs(task, language), () => notify({ kind: "done", text: `Copied as ${language}` }));
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <Button variant="default" rightSection={<Icon name="chevron-down" size={14} />}>
          More
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Copy the call as</Menu.Label>
        {COPY_LANGUAGES.map((language) => (
          <Menu.Item key={language} leftSection={<Icon name="copy" size={14} />} onClick={() => copyAs(language)}>
            {language}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          color="red"
          leftSection={<Icon name="trash" size={14} />}
          disabled={forgetReason !== null}
          onClick={() => acts.forget(task)}
        >
          Forget the record
          {forgetReason !== null && <span className="lv-menu-reason">{forgetReason}</span>}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
