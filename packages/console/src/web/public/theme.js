// Chooses light or dark before anything is painted; src/web/state/preferences.ts writes what is read here.
(() => {
  let theme = "system";
  try {
    const kept = JSON.parse(localStorage.getItem("lovage.preferences") ?? "{}");
    if (kept.theme === "light" || kept.theme === "dark") theme = kept.theme;
  } catch {
    // No storage, or not ours: the system's theme it is.
  }
  const dark = theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
