import { Tabs } from "@mantine/core";
import type { ReactNode } from "react";
import { useUrlState } from "../state/url-state.js";

export interface UrlTab {
  /** As in `?tab=logs`. */
  readonly key: string;
  readonly title: string;
  /** A figure beside the title. */
  readonly count?: number | undefined;
  /** Built only while it is shown. */
  readonly content: () => ReactNode;
}

/** Tabs whose choice is in the address: the first one is the default. */
export function TabsInUrl({ tabs, label }: { readonly tabs: readonly UrlTab[]; readonly label: string }) {
  const [{ tab }, change] = useUrlState(["tab"]);
  const shown = tabs.find((each) => each.key === tab) ?? tabs[0];
  if (!shown) return null;
  return (
    <Tabs
      value={shown.key}
      onChange={(key) => change({ tab: key === tabs[0]?.key || key === null ? undefined : key })}
      keepMounted={false}
      className="lv-tabs"
    >
      <Tabs.List aria-label={label}>
        {tabs.map((each) => (
          <Tabs.Tab key={each.key} value={each.key}>
            {each.title}
            {each.count !== undefined && <span className="lv-count">{each.count}</span>}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map((each) => (
        <Tabs.Panel key={each.key} value={each.key}>
          {each.key === shown.key && each.content()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
