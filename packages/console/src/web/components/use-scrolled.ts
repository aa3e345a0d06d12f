import { useEffect, useState } from "react";

/** Whether the first rows are out of sight: the table scrolls by itself, or (on narrow screens) with the page. */
export function useScrolled(scroller: { readonly current: HTMLElement | null }): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const look = () => {
      const element = scroller.current;
      setScrolled(element !== null && (element.scrollTop > 4 || element.getBoundingClientRect().top < -4));
    };
    // Scrolling does not bubble; this way every box that could move the table is heard.
    const options = { capture: true, passive: true };
    document.addEventListener("scroll", look, options);
    return () => document.removeEventListener("scroll", look, options);
  }, [scroller]);
  return scrolled;
}
