import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";
import type { TaskTree as Family, TaskDetail } from "../../../api/tasks.js";
import { type ApiProblem, apiPath } from "../../api/client.js";
import { useApi } from "../../api/use-api.js";
import { Panel } from "../../components/page.js";
import { Loaded } from "../../components/page-states.js";
import { mergeFamily } from "./merge-family.js";
import { nestTasks } from "./nest-tasks.js";
import { TaskTree } from "./task-tree.js";

/** The family of a task from its root, as a nested list. The graph of the canvas will stand above it: the list remains as its equal. */
export function TaskCanvas({ task }: { readonly task: Pick<TaskDetail, "id"> }) {
  return <FamilyPanel id={task.id} answer={useFamily(task.id)} />;
}

/** A task's family, kept up to date by the stream. */
export function useFamily(id: string): UseQueryResult<Family, ApiProblem> {
  return useApi<Family>(apiPath`tasks/${id}/canvas`, {}, { live: { topics: ["tasks"], merge: mergeFamily } });
}

/** The tree of a family that has been asked for. */
export function FamilyPanel({
  id,
  answer,
}: {
  readonly id: string;
  readonly answer: UseQueryResult<Family, ApiProblem>;
}) {
  return (
    <Panel title="Tasks">
      <Loaded answer={answer}>{(family) => <FamilyTree family={family} current={id} />}</Loaded>
    </Panel>
  );
}

function FamilyTree({ family, current }: { readonly family: Family; readonly current: string }) {
  const nodes = useMemo(() => nestTasks(family.tasks), [family.tasks]);
  return (
    <>
      <TaskTree nodes={nodes} current={current} />
      {family.tasks.length === 1 && <p className="lv-muted">It was sent alone, and has sent no other task.</p>}
      {family.cut && (
        <p className="lv-muted">These are the first {family.tasks.length}; the family is larger than is drawn here.</p>
      )}
    </>
  );
}
