import { Button } from "@mantine/core";
import { useState } from "react";
import type { AttentionItem } from "../../../api/operations.js";
import { AppLink } from "../../components/app-link.js";
import { Icon } from "../../components/icon.js";
import { Panel } from "../../components/page.js";
import { Badge } from "../../components/state-badge.js";
import { Time } from "../../components/time.js";
import { overviewTexts as texts } from "./overview-texts.js";

/** As many are in view at once: what needs a person must not push away what shows how things are. */
const SHOWN = 5;

/** What needs a person, the serious first. */
export function AttentionList({ items }: { readonly items: readonly AttentionItem[] }) {
  const [all, setAll] = useState(false);
  return (
    <Panel
      title={texts.attention}
      tools={<span className="lv-count">{items.length}</span>}
      padded={false}
      className="lv-attention"
    >
      <ul>
        {items.slice(0, all ? undefined : SHOWN).map((item) => (
          <li key={item.id} className={`lv-attention-${item.severity}`}>
            <Icon name={item.severity === "serious" ? "warning" : "info"} size={18} />
            <div>
              <p className="lv-attention-title">
                {item.link === null ? item.title : <AppLink to={item.link}>{item.title}</AppLink>}{" "}
                <Badge tone={item.severity === "serious" ? "bad" : "warning"}>{item.severity}</Badge>
              </p>
              <p className="lv-muted">{item.detail}</p>
            </div>
            <span className="lv-muted lv-attention-since">
              {texts.since} <Time at={item.since} show="relative" />
            </span>
          </li>
        ))}
      </ul>
      {items.length > SHOWN && (
        <Button variant="subtle" size="xs" fullWidth onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${items.length - SHOWN} more`}
        </Button>
      )}
    </Panel>
  );
}
