/* Runs in every page that `console-pages.mjs` opens, before the page's own scripts: notes when what is waited for can be seen. */
(() => {
  const watch = {
    /** Milliseconds from the navigation until what `usableWhen` names could be seen, nothing was loading any more, and it was painted. */
    usable: undefined,
    usableWhen: undefined,
    /** `key` → Unix milliseconds at which it was first seen. */
    seen: {},
    /** Gives the keys of what can be seen now. */
    look: undefined,
    gaps: [],
    frames: [],
  };
  const now = () => performance.timeOrigin + performance.now();
  const check = () => {
    const busy = document.querySelector("[aria-busy='true']") !== null;
    if (watch.usable === undefined && watch.usableWhen && !busy && document.querySelector(watch.usableWhen)) {
      watch.usable = 0;
      requestAnimationFrame(() => setTimeout(() => (watch.usable = performance.now())));
    }
    if (watch.look) for (const key of watch.look()) watch.seen[key] ??= now();
  };
  const options = {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["aria-busy"],
  };
  new MutationObserver(check).observe(document, options);

  let last;
  const frame = (at) => {
    if (last !== undefined) watch.gaps.push(at - last);
    last = at;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const note = (type, list) => {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
    new PerformanceObserver((entries) => {
      for (const entry of entries.getEntries()) list.push(entry.toJSON());
    }).observe({ type });
  };
  note("long-animation-frame", watch.frames);
  watch.clear = () => {
    for (const list of [watch.gaps, watch.frames]) list.length = 0;
  };
  window.lovageWatch = watch;
})();
