import { SegmentedControl, Switch } from "@mantine/core";
import type { ReactNode } from "react";
import { Facts, Panel } from "../components/page.js";
import { ShortcutList } from "../components/shortcuts.js";
import { useMe, usePreferences } from "../state/app-context.js";
import { texts } from "../texts.js";
import { SettingsFrame } from "./settings/settings-frame.js";

/** What a person chooses for themselves, on this browser. */
export function SettingsPage() {
  const [preferences, change] = usePreferences();
  const me = useMe();
  return (
    <SettingsFrame title={texts.nav.settings} lead="These choices are kept on this browser.">
      <div className="lv-settings-columns">
        <Panel title="Display">
          <div className="lv-stack">
            <Choice label={texts.theme.label} hint="Key t">
              <SegmentedControl
                size="sm"
                aria-label={texts.theme.label}
                value={preferences.theme}
                data={[
                  { value: "system", label: texts.theme.system },
                  { value: "light", label: texts.theme.light },
                  { value: "dark", label: texts.theme.dark },
                ]}
                onChange={(theme) => change({ theme })}
              />
            </Choice>
            <Choice label="Density" hint="Height of table rows">
              <SegmentedControl
                size="sm"
                aria-label="Density"
                value={preferences.density}
                data={[
                  { value: "comfortable", label: "Comfortable" },
                  { value: "compact", label: "Compact" },
                ]}
                onChange={(density) => change({ density })}
              />
            </Choice>
            <Choice label="Time zone" hint={`This browser is in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`}>
              <SegmentedControl
                size="sm"
                aria-label="Time zone"
                value={preferences.zone}
                data={[
                  { value: "browser", label: "Browser" },
                  { value: "utc", label: "UTC" },
                ]}
                onChange={(zone) => change({ zone })}
              />
            </Choice>
          </div>
        </Panel>
        <Panel title="You">
          <Facts
            facts={[
              { name: "Name", value: me.name },
              { name: "Role", value: me.role + (me.readOnly ? " (this console is read-only)" : "") },
              {
                name: "Known by",
                value: {
                  none: "nothing: this console has no login",
                  basic: "name and password",
                  header: "a proxy's header",
                }[me.authMode],
              },
              { name: "Sees payloads", value: me.seesPayloads ? "yes: arguments, results, logs and messages" : "no" },
              { name: "Console", value: `Lovage ${me.version}` },
            ]}
          />
        </Panel>
        <Panel
          title="Keyboard"
          className="lv-span"
          tools={
            <Switch
              size="sm"
              label="Shortcuts on"
              checked={preferences.shortcuts}
              onChange={(event) => change({ shortcuts: event.currentTarget.checked })}
            />
          }
        >
          <ShortcutList />
        </Panel>
      </div>
    </SettingsFrame>
  );
}

function Choice({
  label,
  hint,
  children,
}: {
  readonly label: string;
  readonly hint: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="lv-choice">
      <div>
        <p>{label}</p>
        <p className="lv-muted">{hint}</p>
      </div>
      {children}
    </div>
  );
}
