import { ActionIcon, Menu } from "@mantine/core";
import { useState } from "react";
import { Icon } from "./icon.js";
import { tableTexts as texts } from "./table-texts.js";
import type { RowAction } from "./table-types.js";

export interface RowMenuProps {
  /** Of the row, for those who do not see it. */
  readonly name: string;
  /** Asked when the menu opens. */
  readonly actions: () => readonly RowAction[];
  readonly onOpenChange?: (open: boolean) => void;
}

/** What can be done with one row. What cannot be done now says why. */
export function RowMenu({ name, actions, onOpenChange }: RowMenuProps) {
  const [opened, setOpened] = useState(false);
  const change = (open: boolean) => {
    setOpened(open);
    onOpenChange?.(open);
  };
  return (
    <Menu opened={opened} onChange={change} position="bottom-end" width={230} withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={26} aria-label={texts.rowMenu(name)}>
          <Icon name="more" size={18} />
        </ActionIcon>
      </Menu.Target>
      {opened && (
        <Menu.Dropdown>
          {actions().map((action) => (
            <Menu.Item
              key={action.label}
              leftSection={action.icon && <Icon name={action.icon} size={14} />}
              disabled={typeof action.disabled === "string"}
              {...(action.danger && { color: "red" })}
              onClick={action.run}
            >
              {action.label}
              {typeof action.disabled === "string" && <span className="lv-menu-reason">{action.disabled}</span>}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      )}
    </Menu>
  );
}
