import { ActionIcon, Drawer } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import type { Me, Overview } from "../../api/operations.js";
import type { LiveEvent } from "../api/live.js";
import { useApi } from "../api/use-api.js";
import { MeProvider, useLiveClient, usePreferences } from "../state/app-context.js";
import { texts } from "../texts.js";
import { useOpenPath } from "./app-link.js";
import { Icon } from "./icon.js";
import { Notices } from "./notices.js";
import { PageNav } from "./page-nav.js";
import { ErrorState, Skeleton } from "./page-states.js";
import { Palette } from "./palette.js";
import { ShortcutHelp, useShortcut } from "./shortcuts.js";
import { TopBar } from "./top-bar.js";

/** The frame of all pages but the login: rail, top bar, `main`. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const me = useApi<Me>("me");
  if (me.data) {
    return (
      <MeProvider me={me.data}>
        <Frame>{children}</Frame>
      </MeProvider>
    );
  }
  // Without a session the client goes to the login by itself.
  if (me.error && me.error.status !== 401)
    return (
      <main className="lv-alone">
        <ErrorState error={me.error} onRetry={() => void me.refetch()} />
      </main>
    );
  return (
    <main className="lv-alone">
      <Skeleton lines={8} />
    </main>
  );
}

function Frame({ children }: { readonly children: ReactNode }) {
  const [drawer, { open: openDrawer, close: closeDrawer }] = useDisclosure(false);
  const [palette, { open: openPalette, close: closePalette }] = useDisclosure(false);
  const [help, { open: openHelp, close: closeHelp }] = useDisclosure(false);
  const narrow = useMediaQuery("(max-width: 47.99em)", false, { getInitialValueInEffect: false });
  const overview = useApi<Overview>("overview", {}, { live: { topics: ["stats"], merge: mergeStats } });
  const main = useRef<HTMLElement>(null);
  useFocusOnNavigation(main, closeDrawer);
  useGlobalShortcuts(openHelp);
  usePaletteKey(openPalette);
  const nav = <PageNav overview={overview.data} onFollow={closeDrawer} />;
  return (
    <div className="lv-shell">
      {/* Not a link to #main: with a <base> that would lead to the first page. */}
      <button type="button" className="lv-skip" onClick={() => main.current?.focus()}>
        {texts.skip}
      </button>
      <TopBar
        onSearch={openPalette}
        onHelp={openHelp}
        menuButton={
          narrow && (
            <ActionIcon
              variant="subtle"
              color="gray"
              size={34}
              aria-label={texts.nav.open}
              aria-expanded={drawer}
              onClick={openDrawer}
            >
              <Icon name="menu" size={20} />
            </ActionIcon>
          )
        }
      />
      {narrow ? (
        <Drawer opened={drawer} onClose={closeDrawer} size={264} title={texts.brand} className="lv-drawer">
          {nav}
        </Drawer>
      ) : (
        <aside className="lv-rail">{nav}</aside>
      )}
      <main className="lv-main" ref={main} tabIndex={-1} id="main">
        {children}
      </main>
      <Notices />
      <Palette opened={palette} onClose={closePalette} />
      <ShortcutHelp opened={help} onClose={closeHelp} />
    </div>
  );
}

/** Tiles and what needs a person come with the stream; the lists of the overview are asked for. */
export function mergeStats(data: Overview, events: readonly LiveEvent[]): Overview {
  let next = data;
  for (const event of events) {
    if (event.event === "stats") next = { ...next, tiles: event.data };
    else if (event.event === "attention") next = { ...next, attention: [...event.data] };
  }
  return next;
}

/** A new page begins at its top, and a screen reader reads it from there. Filters are no new page. */
function useFocusOnNavigation(main: { readonly current: HTMLElement | null }, onLeave: () => void): void {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    onLeave();
    main.current?.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }, [path, main, onLeave]);
}

function useGlobalShortcuts(openHelp: () => void): void {
  const openPath = useOpenPath();
  const live = useLiveClient();
  const [{ theme }, change] = usePreferences();
  const go = (keys: string, label: string, path: string) => ({
    keys,
    label,
    group: "Go to" as const,
    run: () => openPath(path),
  });
  useShortcut({ keys: "?", label: "This help", group: "Everywhere", run: openHelp });
  useShortcut({ keys: "r", label: "Pause or resume updates", group: "Everywhere", run: () => live.togglePause() });
  useShortcut({
    keys: "t",
    label: "Next theme",
    group: "Everywhere",
    run: () => change({ theme: theme === "system" ? "light" : theme === "light" ? "dark" : "system" }),
  });
  useShortcut(go("g o", texts.nav.overview, "/"));
  useShortcut(go("g w", texts.nav.workers, "/workers"));
  useShortcut(go("g t", texts.nav.tasks, "/tasks"));
  useShortcut(go("g q", texts.nav.queues, "/queues"));
  useShortcut(go("g j", texts.nav.jobs, "/jobs"));
}

/** Ctrl K and ⌘ K work everywhere, also while typing. */
function usePaletteKey(open: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      open();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [open]);
}
