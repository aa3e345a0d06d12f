import { Tabs } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
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
  const list = useRef<HTMLDivElement>(null);
  const key = shown?.key;
  useEffect(() => {
    if (key !== undefined) showActive(list.current);
  }, [key]);
  if (!shown) return null;
  return (
    <Tabs
      value={shown.key}
      onChange={(key) => change({ tab: key === tabs[0]?.key || key === null ? undefined : key })}
      keepMounted={false}
      className="lv-tabs"
    >
      <Tabs.List aria-label={label} ref={list}>
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

/** On a phone the chosen tab may be beyond the edge of the list. Only the list is moved: the page stays where it is. */
function showActive(list: HTMLElement | null): void {
  const tab = list?.querySelector<HTMLElement>("[data-active]");
  if (!list || !tab) return;
  const [from, to] = [tab.offsetLeft, tab.offsetLeft + tab.offsetWidth];
  if (from < list.scrollLeft || to > list.scrollLeft + list.clientWidth) list.scrollLeft = from - TAB_BEFORE_PX;
}
/** So much of the tab before is to be seen: there is one. */
const TAB_BEFORE_PX = 40;
