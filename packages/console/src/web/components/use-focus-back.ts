import { useEffect, useState } from "react";

/**
 * Gives the focus back when a dialog goes, to what had it before. To be called by the content of a dialog: the library's own way knows only
 * dialogs that were there before they were opened, and most here come opened and are taken away.
 */
export function useFocusBack(): void {
  // Drawn first, focused later: at this moment the focus is still outside.
  const [before] = useState(focusedNow);
  useEffect(
    () => () => {
      // When the dialog has gone from the document, and the focus with it. What has taken the focus meanwhile keeps it.
      setTimeout(() => {
        if (document.activeElement === null || document.activeElement === document.body)
          before?.focus({ preventScroll: true });
      });
    },
    [before],
  );
}

/** What has the focus; of an entry in a menu, which goes as it is pressed, the button of the menu. */
function focusedNow(): HTMLElement | undefined {
  const focused = document.activeElement;
  const button = focused?.closest("[role='menu']")?.getAttribute("aria-labelledby");
  const found = button ? document.getElementById(button) : focused;
  return found instanceof HTMLElement ? found : undefined;
}
