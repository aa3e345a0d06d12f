import { useEffect, useRef, useState } from "react";

/** Milliseconds: what changes faster is said no faster. */
const EVERY_MS = 10_000;

/** Says a text to those who do not see it change: at once, then at most every ten seconds, and never an older state than the last. */
export function Spoken({ text }: { readonly text: string }) {
  return (
    <span className="lv-sr-only" role="status">
      {useSpoken(text)}
    </span>
  );
}

function useSpoken(text: string): string {
  const [spoken, setSpoken] = useState(text);
  const saidAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    if (text === spoken) return;
    const timer = setTimeout(
      () => {
        saidAt.current = performance.now();
        setSpoken(text);
      },
      Math.max(0, saidAt.current + EVERY_MS - performance.now()),
    );
    return () => clearTimeout(timer);
  }, [text, spoken]);
  return spoken;
}
