import { useRouter } from "@tanstack/react-router";
import { type AnchorHTMLAttributes, type MouseEvent, useCallback } from "react";

/** Goes to a path of the console (`paths.ts`, or one that the server sent), under whatever prefix it lives. */
export function useOpenPath(): (path: string, options?: { readonly replace?: boolean }) => void {
  const router = useRouter();
  return useCallback(
    (path, options = {}) => {
      const href = withPrefix(path);
      if (options.replace) router.history.replace(href);
      else router.history.push(href);
    },
    [router],
  );
}

/** The path with the server's prefix. */
export function withPrefix(path: string): string {
  return new URL(document.baseURI).pathname.replace(/\/$/, "") + path;
}

export interface AppLinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  /** A path of the console, as of `paths.ts`. */
  readonly to: string;
}

/** A link inside of the console: an ordinary one for new tabs and copying, without loading the page anew otherwise. */
export function AppLink({ to, onClick, ...rest }: AppLinkProps) {
  const open = useOpenPath();
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!plain || event.defaultPrevented || (rest.target !== undefined && rest.target !== "_self")) return;
    event.preventDefault();
    open(to);
  };
  return <a {...rest} href={withPrefix(to)} onClick={follow} />;
}
