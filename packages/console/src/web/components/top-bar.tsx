import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { api } from "../api/client.js";
import { useAction } from "../api/use-action.js";
import { useLiveState } from "../api/use-live.js";
import { useLiveClient, useMe, usePreferences } from "../state/app-context.js";
import { texts } from "../texts.js";
import { AppLink, withPrefix } from "./app-link.js";
import { Icon, LeafMark } from "./icon.js";
import { clockTime } from "./time.js";

export interface TopBarProps {
  readonly onSearch: () => void;
  readonly onHelp: () => void;
  /** On narrow screens: opens the drawer. */
  readonly menuButton: ReactNode;
}

export function TopBar({ onSearch, onHelp, menuButton }: TopBarProps) {
  const { environment } = useMe();
  const searchKey = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘ K" : "Ctrl K";
  return (
    <header className="lv-top">
      {menuButton}
      <AppLink to="/" className="lv-brand">
        <LeafMark />
        <span>{texts.brand}</span>
      </AppLink>
      <Environment name={environment.name} color={environment.color} />
      <button type="button" className="lv-top-search" onClick={onSearch}>
        <Icon name="search" size={15} />
        <span className="lv-top-search-text">{texts.searchHint}</span>
        <kbd>{searchKey}</kbd>
      </button>
      <div className="lv-top-right">
        <LiveIndicator />
        <ThemeMenu />
        <UserMenu onHelp={onHelp} />
      </div>
    </header>
  );
}

/** Which system one is about to act on. The colour is the operator's; the name says it too. */
function Environment({ name, color }: { readonly name: string; readonly color: string | null }) {
  if (name === "") return null;
  const safe = color !== null && CSS.supports("color", color) ? color : undefined;
  return (
    <span className="lv-environment">
      <span className="lv-environment-dot" style={safe === undefined ? undefined : { background: safe }} />
      {name}
    </span>
  );
}

function LiveIndicator() {
  const state = useLiveState();
  const live = useLiveClient();
  const [{ zone }] = usePreferences();
  const word =
    state.kind === "stale" ? texts.live.stale(clockTime(state.since, zone).slice(0, 5)) : texts.live[state.kind];
  return (
    <Tooltip label={state.kind === "paused" ? texts.live.resume : texts.live.pause}>
      <button
        type="button"
        className={`lv-live lv-live-${state.kind}`}
        aria-label={`${word}. ${state.kind === "paused" ? texts.live.resume : texts.live.pause}`}
        aria-pressed={state.kind === "paused"}
        onClick={() => live.togglePause()}
      >
        <span className="lv-live-dot" aria-hidden="true" />
        <span className="lv-live-word">{word}</span>
      </button>
    </Tooltip>
  );
}

function ThemeMenu() {
  const [{ theme }, change] = usePreferences();
  const themes = [
    { key: "system", icon: "monitor" },
    { key: "light", icon: "sun" },
    { key: "dark", icon: "moon" },
  ] as const;
  const now = themes.find((each) => each.key === theme) ?? themes[0];
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={32}
          aria-label={`${texts.theme.label}: ${texts.theme[now.key]}`}
        >
          <Icon name={now.icon} size={17} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {themes.map((each) => (
          <Menu.Item
            key={each.key}
            leftSection={<Icon name={each.icon} size={15} />}
            rightSection={each.key === theme ? <Icon name="check" size={14} /> : null}
            aria-current={each.key === theme}
            onClick={() => change({ theme: each.key })}
          >
            {texts.theme[each.key]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu({ onHelp }: { readonly onHelp: () => void }) {
  const me = useMe();
  const logout = useAction((idempotencyKey) => api.post("logout", {}, { idempotencyKey }), {
    failed: "Could not log out",
    // Every answer of this session goes with the page.
    done: () => window.location.assign(withPrefix("/login")),
  });
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <button type="button" className="lv-user" aria-label={`${me.name}, ${texts.user.role(me.role)}`}>
          <Icon name="user" size={17} />
          <span className="lv-user-name">{me.name}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.name} · {texts.user.role(me.role)}
        </Menu.Label>
        {me.readOnly && <Menu.Label>{texts.user.readOnly}</Menu.Label>}
        <Menu.Item leftSection={<Icon name="help" size={15} />} rightSection={<kbd>?</kbd>} onClick={onHelp}>
          {texts.user.help}
        </Menu.Item>
        {me.authMode === "basic" && (
          <Menu.Item leftSection={<Icon name="logout" size={15} />} onClick={() => logout.run()}>
            {texts.user.logout}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
