import { useMemo, useState } from "react";

/** Which rows are selected: some by key, or all that match the filter (also those on other pages). */
export interface Selection {
  readonly keys: ReadonlySet<string>;
  /** All that match, not only those shown. */
  readonly allMatching: boolean;
  /** Nothing is selected. */
  readonly empty: boolean;
  readonly toggle: (key: string) => void;
  /** Adds, or takes away, all of them. */
  readonly put: (keys: readonly string[], selected: boolean) => void;
  readonly selectAllMatching: () => void;
  readonly clear: () => void;
}

/** A selection; `scope` is the filter it belongs to: another filter begins with none. */
export function useSelection(scope = ""): Selection {
  const [state, setState] = useState<{ scope: string; keys: ReadonlySet<string>; all: boolean }>({
    scope,
    keys: new Set(),
    all: false,
  });
  if (state.scope !== scope) setState({ scope, keys: new Set(), all: false });
  return useMemo(() => {
    const set = (keys: ReadonlySet<string>, all = false) => setState({ scope, keys, all });
    return {
      keys: state.keys,
      allMatching: state.all,
      empty: state.keys.size === 0 && !state.all,
      toggle: (key) => {
        const keys = new Set(state.keys);
        if (!keys.delete(key)) keys.add(key);
        set(keys);
      },
      put: (keys, selected) => {
        const next = new Set(state.keys);
        for (const key of keys) {
          if (selected) next.add(key);
          else next.delete(key);
        }
        set(next);
      },
      selectAllMatching: () => set(state.keys, true),
      clear: () => set(new Set()),
    };
  }, [state, scope]);
}
