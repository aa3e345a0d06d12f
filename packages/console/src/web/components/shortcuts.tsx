import { Modal } from "@mantine/core";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { useShortcutRegistry } from "../state/app-context.js";
import type { Shortcut } from "../state/shortcut-registry.js";

export interface ShortcutOptions extends Shortcut {
  /** Default true. */
  readonly enabled?: boolean;
}

/** A shortcut for as long as the component is shown. It appears in the help (`?`). */
export function useShortcut({ keys, label, group, run, when, enabled = true }: ShortcutOptions): void {
  const registry = useShortcutRegistry();
  const latest = useRef({ run, when });
  useEffect(() => {
    latest.current = { run, when };
  });
  useEffect(() => {
    if (!enabled) return;
    return registry.add({
      keys,
      label,
      group,
      run: () => latest.current.run(),
      when: () => latest.current.when?.() ?? true,
    });
  }, [registry, keys, label, group, enabled]);
}

/** Every shortcut there is on this page. */
export function ShortcutHelp({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard" size="md">
      {opened && <ShortcutList />}
    </Modal>
  );
}

/** The shortcuts by group. */
export function ShortcutList() {
  const registry = useShortcutRegistry();
  const shortcuts = useSyncExternalStore(registry.subscribe, registry.list);
  const groups = ["Everywhere", "Go to", "Tables", "This page"] as const;
  return (
    <div className="lv-shortcuts">
      {groups.map((group) => {
        const own = new Map(shortcuts.filter((each) => each.group === group).map((each) => [each.keys, each.label]));
        if (own.size === 0) return null;
        return (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {[...own].map(([keys, label]) => (
                <div key={keys}>
                  <dt>
                    {keys.split(" ").map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{label}</dd>
                </div>
              ))}
            </dl>
          </section>
        );
      })}
    </div>
  );
}
