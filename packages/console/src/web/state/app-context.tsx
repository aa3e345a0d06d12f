import { createContext, type ReactNode, useContext, useSyncExternalStore } from "react";
import type { Me } from "../../api/operations.js";
import type { LiveClient } from "../api/live.js";
import type { NoticeBoard } from "./notice-board.js";
import type { PreferenceStore, Preferences } from "./preferences.js";
import type { ShortcutRegistry } from "./shortcut-registry.js";
import type { Ticker } from "./ticker.js";

/** What every component may need; made once in main.tsx. */
export interface AppParts {
  readonly preferences: PreferenceStore;
  readonly live: LiveClient;
  readonly ticker: Ticker;
  readonly notices: NoticeBoard;
  readonly shortcuts: ShortcutRegistry;
}

const AppContext = createContext<AppParts | undefined>(undefined);
const MeContext = createContext<Me | undefined>(undefined);

export function AppProvider({ parts, children }: { readonly parts: AppParts; readonly children: ReactNode }) {
  return <AppContext value={parts}>{children}</AppContext>;
}
export function MeProvider({ me, children }: { readonly me: Me; readonly children: ReactNode }) {
  return <MeContext value={me}>{children}</MeContext>;
}

function useParts(): AppParts {
  const parts = useContext(AppContext);
  if (!parts) throw new Error("This component stands outside of AppProvider.");
  return parts;
}

export function useLiveClient(): LiveClient {
  return useParts().live;
}

/** Tells something in the corner of the page: `notify({ kind: "done", text: "Revoked 3 tasks" })`. */
export function useNotify(): NoticeBoard["add"] {
  return useParts().notices.add;
}
/** The board itself, for the component that shows it. */
export function useNoticeBoard(): NoticeBoard {
  return useParts().notices;
}

export function useShortcutRegistry(): ShortcutRegistry {
  return useParts().shortcuts;
}

/** What this browser prefers, and how to change it. */
export function usePreferences(): readonly [Preferences, (changes: Partial<Preferences>) => void] {
  const { preferences } = useParts();
  return [useSyncExternalStore(preferences.subscribe, preferences.get), preferences.change];
}

/** Light or dark, as it is now. */
export function useColorScheme(): "light" | "dark" {
  const { preferences } = useParts();
  return useSyncExternalStore(preferences.subscribe, preferences.colorScheme);
}

/** Milliseconds; steps once a second. */
export function useNow(): number {
  const { ticker } = useParts();
  return useSyncExternalStore(ticker.subscribe, ticker.now);
}

/** Who is logged in. Inside of the shell only. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("This component stands outside of the shell.");
  return me;
}

/** Whether the user's role reaches that far; the server decides, the page only mirrors it. */
export function useMay(role: Me["role"]): boolean {
  const order = ["viewer", "operator", "admin"];
  return order.indexOf(useMe().role) >= order.indexOf(role);
}
