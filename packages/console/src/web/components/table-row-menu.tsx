import { Menu } from "@mantine/core";
import { type ComponentPropsWithRef, useEffect, useRef, useState } from "react";
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

/**
 * What can be done with one row. What cannot be done now says why. Only its button until it is first opened: menus of all rows would be most of
 * what drawing a table costs, and busy lists are drawn many times a second.
 */
export function RowMenu(props: RowMenuProps) {
  const [asked, setAsked] = useState(false);
  if (asked) return <OpenedMenu {...props} />;
  return <MenuButton name={props.name} aria-haspopup="menu" aria-expanded={false} onClick={() => setAsked(true)} />;
}

function MenuButton({ name, ...rest }: ComponentPropsWithRef<"button"> & { readonly name: string }) {
  return (
    <button {...rest} type="button" className="lv-icon-button" aria-label={texts.rowMenu(name)}>
      <Icon name="more" size={18} />
    </button>
  );
}

/** Opens at once, with the focus at its button, to which it comes back. */
function OpenedMenu({ name, actions, onOpenChange }: RowMenuProps) {
  const target = useRef<HTMLButtonElement>(null);
  const [opened, setOpened] = useState(false);
  const change = (open: boolean) => {
    setOpened(open);
    onOpenChange?.(open);
    // Where it was before; a dialog that an action opens takes it from there, and gives it back there.
    if (!open) target.current?.focus();
  };
  const first = useRef(change);
  useEffect(() => {
    target.current?.focus();
    first.current(true);
  }, []);
  return (
    <Menu opened={opened} onChange={change} position="bottom-end" width={230} withinPortal>
      <Menu.Target>
        <MenuButton name={name} ref={target} />
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
