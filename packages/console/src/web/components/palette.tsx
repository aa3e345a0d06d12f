import { Modal, TextInput } from "@mantine/core";
import { type KeyboardEvent, useId, useState } from "react";
import type { JobSummary } from "../../api/jobs.js";
import type { QueueList } from "../../api/queues.js";
import type { TaskType } from "../../api/tasks.js";
import type { WorkerList } from "../../api/workers.js";
import { useApi } from "../api/use-api.js";
import { paths } from "../paths.js";
import { texts } from "../texts.js";
import { useOpenPath } from "./app-link.js";
import { Icon, type IconName } from "./icon.js";

interface Goal {
  readonly to: string;
  readonly label: string;
  readonly kind: string;
  readonly icon: IconName;
}

const PAGES: readonly Goal[] = [
  { to: paths.overview(), label: texts.nav.overview, kind: "Page", icon: "overview" },
  { to: paths.workers(), label: texts.nav.workers, kind: "Page", icon: "workers" },
  { to: paths.tasks(), label: texts.nav.tasks, kind: "Page", icon: "tasks" },
  { to: paths.errors(), label: texts.nav.errors, kind: "Page", icon: "errors" },
  { to: paths.taskTypes(), label: texts.nav.taskTypes, kind: "Page", icon: "task-types" },
  { to: paths.send(), label: "Send a task", kind: "Page", icon: "send" },
  { to: paths.queues(), label: texts.nav.queues, kind: "Page", icon: "queues" },
  { to: paths.deadLetters(), label: texts.nav.deadLetters, kind: "Page", icon: "dead-letters" },
  { to: paths.jobs(), label: texts.nav.jobs, kind: "Page", icon: "jobs" },
  { to: paths.operations(), label: texts.nav.operations, kind: "Page", icon: "operations" },
  { to: paths.settings(), label: texts.nav.settings, kind: "Page", icon: "settings" },
  { to: paths.system(), label: texts.settingsNav.system, kind: "Page", icon: "server" },
  { to: paths.audit(), label: texts.settingsNav.audit, kind: "Page", icon: "shield" },
];
const MOST = 12;

/** Ctrl K: to any page, worker, queue, job or task type, or to the tasks that a text finds. */
export function Palette({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  return (
    <Modal.Root opened={opened} onClose={onClose} size="lg" padding={0} yOffset="12vh" centered={false}>
      <Modal.Overlay />
      <Modal.Content aria-label={texts.search}>
        <Modal.Body>{opened && <Search onClose={onClose} />}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function Search({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const openPath = useOpenPath();
  const id = useId();
  const goals = findGoals(text.trim(), useNames());
  const go = (goal: Goal | undefined) => {
    if (!goal) return;
    onClose();
    openPath(goal.to);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen(Math.min(goals.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(0, chosen - 1));
    else if (event.key === "Enter") go(goals[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <div className="lv-palette">
      <TextInput
        data-autofocus
        size="md"
        variant="unstyled"
        role="combobox"
        aria-label={texts.searchHint}
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={goals[chosen] ? `${id}-${chosen}` : undefined}
        placeholder={texts.searchHint}
        leftSection={<Icon name="search" size={17} />}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKey}
      />
      <div id={`${id}-list`} role="listbox" aria-label={texts.search} className="lv-palette-list">
        {goals.map((goal, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's
          <div
            key={`${goal.kind} ${goal.to}`}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === chosen}
            tabIndex={-1}
            className="lv-palette-goal"
            onClick={() => go(goal)}
            onMouseMove={() => setChosen(place)}
          >
            <Icon name={goal.icon} size={16} />
            <span>{goal.label}</span>
            <span className="lv-muted">{goal.kind}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

/** What there is to go to by name; asked when the palette opens. */
function useNames(): readonly Goal[] {
  const workers = useApi<WorkerList>("workers");
  const queues = useApi<QueueList>("queues");
  const jobs = useApi<{ readonly items: readonly JobSummary[] }>("jobs");
  const types = useApi<{ readonly items: readonly TaskType[] }>("task-types");
  return [
    ...(workers.data?.items ?? []).map(({ name }) => ({
      to: paths.worker(name),
      label: name,
      kind: "Worker",
      icon: "workers" as const,
    })),
    ...(queues.data?.items ?? []).map(({ name }) => ({
      to: paths.queue(name),
      label: name,
      kind: "Queue",
      icon: "queues" as const,
    })),
    ...(jobs.data?.items ?? []).map(({ slug, title }) => ({
      to: paths.job(slug),
      label: title,
      kind: "Job",
      icon: "jobs" as const,
    })),
    ...(types.data?.items ?? []).map(({ name }) => ({
      to: paths.taskType(name),
      label: name,
      kind: "Task type",
      icon: "task-types" as const,
    })),
  ];
}

function findGoals(text: string, names: readonly Goal[]): readonly Goal[] {
  if (text === "") return PAGES;
  const wanted = text.toLowerCase();
  const found = [...PAGES, ...names].filter((goal) => goal.label.toLowerCase().includes(wanted));
  const tasks: Goal = {
    to: paths.tasks({ q: text }),
    label: `Tasks that match “${text}”`,
    kind: "Search",
    icon: "search",
  };
  // Anything may be an id; what looks like one goes first.
  const task: Goal = { to: paths.task(text), label: text, kind: "Task id", icon: "tasks" };
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(text)) return [task, tasks, ...found].slice(0, MOST);
  return [...found.slice(0, MOST - 1), tasks];
}
