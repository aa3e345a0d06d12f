import { Button, Select, Switch, TextInput } from "@mantine/core";
import { type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { LogLine } from "../../../api/tasks.js";
import { Icon } from "../../components/icon.js";
import { Empty, NothingMatches } from "../../components/page-states.js";
import { Spoken } from "../../components/spoken.js";
import { absoluteTime, clockTime } from "../../components/time.js";
import { usePreferences } from "../../state/app-context.js";
import { saveText } from "../../state/save-text.js";
import { fieldsText, LOG_LEVELS_IN_ORDER, type LogLevel, logText, matchingLines } from "./log-lines.js";
import "./log-view.css";

/** Lines drawn at most, the newest: a page with more of them would no longer scroll. All are in the download. */
const MOST_DRAWN = 5_000;

/** Beyond these, lines out of sight are not laid out. */
const DRAWN_WHOLE = 500;

export interface LogViewProps<L extends LogLine> {
  /** Oldest first. */
  readonly lines: readonly L[];
  /** Whether more may come: offers to follow. */
  readonly live: boolean;
  /** Said above the lines: what is missing. */
  readonly notice?: ReactNode;
  /** File name of the download. */
  readonly fileName: string;
  /** A heading between two lines that belong to different things; undefined between lines of one. */
  readonly separator: (line: L, before: L | undefined) => string | undefined;
  /** Shown while there are no lines at all. */
  readonly empty: ReactNode;
}

/** Log lines with level, find, follow, wrap and download. */
export function LogView<L extends LogLine>({ lines, live, notice, fileName, separator, empty }: LogViewProps<L>) {
  const [level, setLevel] = useState<LogLevel>("debug");
  const [find, setFind] = useState("");
  const [wrap, setWrap] = useState(true);
  const [follow, setFollow] = useState(live);
  const sought = useDeferredValue(find);
  const matching = useMemo(() => matchingLines(lines, level, sought), [lines, level, sought]);
  const drawn = matching.slice(-MOST_DRAWN);
  const count =
    matching.length === lines.length ? `${lines.length} lines` : `${matching.length} of ${lines.length} lines`;
  const clear = () => {
    setLevel("debug");
    setFind("");
  };
  return (
    <div className="lv-log">
      <div className="lv-log-tools">
        <TextInput
          size="xs"
          aria-label="Find in the log"
          placeholder="Find in the log"
          leftSection={<Icon name="search" size={14} />}
          value={find}
          onChange={(event) => setFind(event.currentTarget.value)}
        />
        <Select
          size="xs"
          aria-label="Least level shown"
          className="lv-log-level"
          allowDeselect={false}
          data={LOG_LEVELS_IN_ORDER.map((each) => ({
            value: each,
            label: each === "debug" ? "all levels" : `${each} and worse`,
          }))}
          value={level}
          onChange={(value) => setLevel(LOG_LEVELS_IN_ORDER.find((each) => each === value) ?? "debug")}
        />
        <span className="lv-muted lv-log-count">{count}</span>
        <Spoken text={`Log: ${count}`} />
        <Switch size="xs" label="Wrap" checked={wrap} onChange={(event) => setWrap(event.currentTarget.checked)} />
        {live && (
          <Switch
            size="xs"
            label="Follow"
            checked={follow}
            onChange={(event) => setFollow(event.currentTarget.checked)}
          />
        )}
        <Button
          size="xs"
          variant="default"
          leftSection={<Icon name="download" size={14} />}
          disabled={lines.length === 0}
          onClick={() => saveText(fileName, logText(matching))}
        >
          Download
        </Button>
      </div>
      {notice}
      {drawn.length < matching.length && (
        <p className="lv-muted lv-log-note">
          The last {MOST_DRAWN} lines of {matching.length}; the download has them all.
        </p>
      )}
      {lines.length === 0 && empty}
      {lines.length > 0 && matching.length === 0 && <NothingMatches onClear={clear} />}
      {drawn.length > 0 && (
        <LogBox follow={follow && live} onLeave={() => setFollow(false)} wrap={wrap} many={drawn.length > DRAWN_WHOLE}>
          <LogLines lines={drawn} separator={separator} />
        </LogBox>
      )}
    </div>
  );
}

interface LogBoxProps {
  readonly follow: boolean;
  readonly onLeave: () => void;
  readonly wrap: boolean;
  readonly many: boolean;
  readonly children: ReactNode;
}

/** What scrolls. Keeps the newest line in sight; a person who scrolls up wants to read, and is left in peace. */
function LogBox({ follow, onLeave, wrap, many, children }: LogBoxProps) {
  const box = useRef<HTMLElement>(null);
  const leave = useRef(onLeave);
  useEffect(() => {
    leave.current = onLeave;
  });
  // Heights of lines out of sight are guesses until they are drawn, so the end is where it is only after that.
  useEffect(() => {
    const element = box.current;
    const lines = element?.firstElementChild;
    if (!follow || !element || !lines) {
      return;
    }
    const observer = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight;
    });
    observer.observe(lines);
    return () => observer.disconnect();
  }, [follow]);
  const stop = () => follow && leave.current();
  return (
    <section
      className="lv-log-box"
      data-wrap={wrap}
      data-many={many}
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label="Log lines"
      onWheel={(event) => event.deltaY < 0 && stop()}
      onKeyDown={(event) => ["ArrowUp", "PageUp", "Home"].includes(event.key) && stop()}
    >
      {children}
    </section>
  );
}

function LogLines<L extends LogLine>({ lines, separator }: Pick<LogViewProps<L>, "lines" | "separator">) {
  const [{ zone }] = usePreferences();
  return (
    <ol>
      {lines.map((line, index) => {
        const heading = separator(line, lines[index - 1]);
        const fields = fieldsText(line);
        return (
          <li key={line.seq} data-level={line.level}>
            {heading !== undefined && <div className="lv-log-separator">{heading}</div>}
            <time dateTime={line.at} title={absoluteTime(line.at, zone)}>
              {clockTime(line.at, zone)}
            </time>
            <span className="lv-log-word">{line.level}</span>
            <span className="lv-log-message">
              <bdi>{line.message}</bdi>
              {fields !== "" && <bdi className="lv-log-fields"> {fields}</bdi>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** Separators of one task's log. */
export function attemptSeparator(line: LogLine, before: LogLine | undefined): string | undefined {
  if (before === undefined ? line.attempt === 1 : before.attempt === line.attempt) return undefined;
  return `Attempt ${line.attempt}${line.worker === null ? "" : ` on ${line.worker}`}`;
}

/** What a task without any log lines says. */
export function NoLogs() {
  return (
    <Empty
      title="No log lines"
      icon="tasks"
      code={'import { currentTask } from "lovage";\n\ncurrentTask().log.info("page 3 read", { links: 12 });'}
    >
      What the task writes with its logger appears here as it runs.
    </Empty>
  );
}
