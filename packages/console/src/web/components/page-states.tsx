import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import type { Problem } from "../../api/common.js";
import { asProblem } from "../api/client.js";
import { texts } from "../texts.js";
import { CopyButton } from "./copy-button.js";
import { Icon, type IconName } from "./icon.js";

/** Grey bars of the content's height; nothing in the first 150 ms, so that fast answers do not flicker. */
export function Skeleton({ lines = 6, height }: { readonly lines?: number; readonly height?: number }) {
  const late = useLater(150);
  return (
    <div className={late ? "lv-skeleton" : "lv-skeleton lv-invisible"} style={{ minHeight: height }} role="status">
      <span className="lv-sr-only">{texts.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars without any identity
        <span key={line} className="lv-skeleton-line" style={{ width: `${92 - ((line * 37) % 45)}%` }} />
      ))}
    </div>
  );
}

function useLater(delayMs: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), delayMs);
    return () => clearTimeout(timer);
  }, [delayMs]);
  return late;
}

export interface EmptyProps {
  readonly title: string;
  readonly children?: ReactNode;
  /** The command or the code that makes something appear; can be copied. */
  readonly code?: string;
  readonly icon?: IconName;
  /** Buttons or links. */
  readonly action?: ReactNode;
}

/** Nothing here yet: what would be here, and what makes it appear. */
export function Empty({ title, children, code, icon = "info", action }: EmptyProps) {
  return (
    <div className="lv-empty">
      <Icon name={icon} size={28} />
      <p className="lv-empty-title">{title}</p>
      {children !== undefined && <div className="lv-muted">{children}</div>}
      {code !== undefined && (
        <div className="lv-empty-code">
          <pre>
            <code>{code}</code>
          </pre>
          <CopyButton text={code} />
        </div>
      )}
      {action}
    </div>
  );
}

/** Something is here, but not for these filters. */
export function NothingMatches({ onClear }: { readonly onClear: () => void }) {
  return (
    <Empty
      icon="filter"
      title={texts.nothingMatches}
      action={
        <Button variant="default" size="xs" onClick={onClear}>
          {texts.clearFilters}
        </Button>
      }
    >
      {texts.nothingMatchesHint}
    </Empty>
  );
}

export interface ErrorStateProps {
  /** What was thrown; a problem of the API says what failed and its code. */
  readonly error: unknown;
  readonly onRetry?: () => void;
  readonly title?: string;
}

/** What failed, its code, and Retry; the other panels go on. */
export function ErrorState({ error, onRetry, title = texts.errorTitle }: ErrorStateProps) {
  const problem: Problem = asProblem(error);
  return (
    <div className="lv-error" role="alert">
      <Icon name="warning" size={20} />
      <div>
        <p className="lv-empty-title">{title}</p>
        <p>{problem.detail}</p>
        <p className="lv-muted">{texts.errorCode(problem.code)}</p>
        {onRetry && (
          <Button variant="default" size="xs" leftSection={<Icon name="refresh" size={14} />} onClick={onRetry}>
            {texts.retry}
          </Button>
        )}
      </div>
    </div>
  );
}

/** What `useApi` returns, as far as this needs it. */
interface Answer<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

/** Skeleton, error or the content, by how a question of the API stands. An error does not take away what is known already. */
export function Loaded<T>({
  answer,
  lines,
  children,
}: {
  readonly answer: Answer<T>;
  readonly lines?: number;
  readonly children: (data: T) => ReactNode;
}) {
  if (answer.data !== undefined) {
    return (
      <>
        {answer.error !== null && <ErrorState error={answer.error} onRetry={() => void answer.refetch()} />}
        {children(answer.data)}
      </>
    );
  }
  if (answer.error !== null) return <ErrorState error={answer.error} onRetry={() => void answer.refetch()} />;
  return <Skeleton {...(lines !== undefined && { lines })} />;
}
