import { ActionIcon, Button } from "@mantine/core";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useNoticeBoard } from "../state/app-context.js";
import type { ShownNotice } from "../state/notice-board.js";
import { texts } from "../texts.js";
import { AppLink } from "./app-link.js";
import { Icon, type IconName } from "./icon.js";

const ICONS: Readonly<Record<ShownNotice["kind"], IconName>> = {
  done: "circle-check",
  info: "info",
  problem: "warning",
};
/** Undo must be reachable by those who are slow; problems stay until they are read. */
const STAY_MS: Readonly<Record<ShownNotice["kind"], number | undefined>> = {
  done: 8_000,
  info: 8_000,
  problem: undefined,
};

/** What was done or refused, in the corner. */
export function Notices() {
  const board = useNoticeBoard();
  const notices = useSyncExternalStore(board.subscribe, board.list);
  return (
    <div className="lv-notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} onClose={() => board.remove(notice.id)} />
      ))}
    </div>
  );
}

function NoticeCard({ notice, onClose }: { readonly notice: ShownNotice; readonly onClose: () => void }) {
  const [read, setRead] = useState(false);
  const stayMs = STAY_MS[notice.kind];
  // biome-ignore lint/correctness/useExhaustiveDependencies: onClose is a new function on each drawing, and must not start the time anew
  useEffect(() => {
    if (stayMs === undefined || read) return;
    const timer = setTimeout(onClose, stayMs);
    return () => clearTimeout(timer);
  }, [stayMs, read]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only stays while one looks at it
    <div
      className={`lv-notice lv-notice-${notice.kind}`}
      onMouseEnter={() => setRead(true)}
      onFocus={() => setRead(true)}
      onMouseLeave={() => setRead(false)}
    >
      <Icon name={ICONS[notice.kind]} size={18} />
      <div className="lv-notice-text">
        <p>{notice.text}</p>
        {notice.detail !== undefined && <p className="lv-muted">{notice.detail}</p>}
        {notice.link && (
          <AppLink to={notice.link.to} onClick={onClose}>
            {notice.link.label}
          </AppLink>
        )}
      </div>
      {notice.undo && (
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={() => {
            notice.undo?.();
            onClose();
          }}
        >
          {texts.undo}
        </Button>
      )}
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={texts.close} onClick={onClose}>
        <Icon name="close" size={14} />
      </ActionIcon>
    </div>
  );
}
