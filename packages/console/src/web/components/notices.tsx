import { ActionIcon, Button } from "@mantine/core";
import { type FocusEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useNoticeBoard } from "../state/app-context.js";
import type { ShownNotice } from "../state/notice-board.js";
import { texts } from "../texts.js";
import { AppLink } from "./app-link.js";
import { Icon, type IconName } from "./icon.js";
import { useShortcut } from "./shortcuts.js";

const ICONS: Readonly<Record<ShownNotice["kind"], IconName>> = {
  done: "circle-check",
  info: "info",
  problem: "warning",
};
const STAY_MS = 8_000;
/** Undo must be reachable by those who are slow. */
const UNDO_STAY_MS = 20_000;

/** How long a notice stays while nobody looks at it; problems stay until they are read. */
function stayMsOf({ kind, undo }: ShownNotice): number | undefined {
  if (kind === "problem") return undefined;
  return undo === undefined ? STAY_MS : UNDO_STAY_MS;
}

/** What was done or refused, in the corner. */
export function Notices() {
  const board = useNoticeBoard();
  const notices = useSyncExternalStore(board.subscribe, board.list);
  const undoable = notices.findLast((notice) => notice.undo !== undefined);
  useShortcut({
    keys: "u",
    label: "Undo what was done last",
    group: "Everywhere",
    enabled: undoable !== undefined,
    run: () => undoable && undo(undoable, () => board.remove(undoable.id)),
  });
  return (
    <div className="lv-notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} onClose={() => board.remove(notice.id)} />
      ))}
    </div>
  );
}

/** Taken away first: a second press must find nothing to undo. */
function undo(notice: ShownNotice, close: () => void): void {
  close();
  notice.undo?.();
}

function NoticeCard({ notice, onClose }: { readonly notice: ShownNotice; readonly onClose: () => void }) {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const card = useRef<HTMLDivElement>(null);
  const cameFrom = useRef<HTMLElement>(undefined);
  const stayMs = stayMsOf(notice);
  // biome-ignore lint/correctness/useExhaustiveDependencies: onClose is a new function on each drawing, and must not start the time anew
  useEffect(() => {
    if (stayMs === undefined || pointed || focused) return;
    const timer = setTimeout(onClose, stayMs);
    return () => clearTimeout(timer);
  }, [stayMs, pointed, focused]);
  const take = (event: FocusEvent<HTMLDivElement>) => {
    if (isWithin(event)) return;
    cameFrom.current = event.relatedTarget instanceof HTMLElement ? event.relatedTarget : undefined;
    setFocused(true);
  };
  /** The focus goes back where it came from, or it would be lost with the notice. */
  const close = () => {
    if (card.current?.contains(document.activeElement)) {
      const back = cameFrom.current?.isConnected ? cameFrom.current : document.querySelector<HTMLElement>("main");
      back?.focus();
    }
    onClose();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only stays while one looks at it
    <div
      ref={card}
      className={`lv-notice lv-notice-${notice.kind}`}
      onMouseEnter={() => setPointed(true)}
      onMouseLeave={() => setPointed(false)}
      onFocus={take}
      onBlur={(event) => !isWithin(event) && setFocused(false)}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <Icon name={ICONS[notice.kind]} size={18} />
      <div className="lv-notice-text">
        <p>{notice.text}</p>
        {notice.detail !== undefined && <p className="lv-muted">{notice.detail}</p>}
        {notice.link && (
          <AppLink to={notice.link.to} onClick={close}>
            {notice.link.label}
          </AppLink>
        )}
      </div>
      {notice.undo && (
        <Button
          size="compact-sm"
          variant="subtle"
          title="Undo (u)"
          aria-keyshortcuts="u"
          onClick={() => undo(notice, close)}
        >
          {texts.undo}
        </Button>
      )}
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={texts.close} onClick={close}>
        <Icon name="close" size={14} />
      </ActionIcon>
    </div>
  );
}

/** Whether the focus moves between the notice's own buttons. */
function isWithin({ currentTarget, relatedTarget }: FocusEvent<HTMLDivElement>): boolean {
  return relatedTarget instanceof Node && currentTarget.contains(relatedTarget);
}
