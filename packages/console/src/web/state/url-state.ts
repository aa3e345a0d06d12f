import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useCallback } from "react";

/** Search parameters of the address as flat texts: `?state=FAILURE&q=name%3Aadd`. */
export type UrlSearch = Readonly<Record<string, string>>;

export { parseSearch, stringifySearch } from "./search-text.js";

/**
 * The named parameters of the address and how to change some of them: undefined or "" takes one away; what is not named stays.
 * `replace`: no new step in the browser's history (for typing).
 */
export function useUrlState<const K extends string>(
  keys: readonly K[],
): readonly [
  Partial<Record<K, string>>,
  (changes: Partial<Record<K, string | undefined>>, options?: { readonly replace?: boolean }) => void,
] {
  const search = useRouterState({ select: (state) => state.location.search as UrlSearch });
  const navigate = useNavigate();
  const values: Partial<Record<K, string>> = {};
  for (const key of keys) {
    const value = search[key];
    if (value !== undefined) values[key] = value;
  }
  const change = useCallback(
    (changes: Partial<Record<K, string | undefined>>, options: { readonly replace?: boolean } = {}) => {
      void navigate({
        to: ".",
        search: (before: UrlSearch) => ({ ...before, ...changes }),
        replace: options.replace ?? false,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [values, change];
}
