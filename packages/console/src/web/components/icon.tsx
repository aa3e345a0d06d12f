/** Paths on a 24 × 24 grid, drawn with a stroke of the text's colour. */
const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
  workers: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
  tasks: "M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2",
  errors: "M12 3 2.5 20h19zM12 10v4M12 17h.01",
  "task-types": "M8 4 3 12l5 8M16 4l5 8-5 8",
  queues: "M4 6h16M4 10h16M4 14h10M4 18h10M18 14v6M15.5 17.5 18 20l2.5-2.5",
  "dead-letters": "M3 6h18v12H3zM3 7l9 6 9-6M9 21l6 0",
  jobs: "M6 4l13 8-13 8z",
  operations: "M12 3l9 5-9 5-9-5zM3 12l9 5 9-5M3 16l9 5 9-5",
  settings:
    "M4 7h10M18 7h2M4 17h2M10 17h10M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  link: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5",
  menu: "M4 6h16M4 12h16M4 18h16",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  monitor: "M3 4h18v12H3zM8 20h8M12 16v4",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  logout: "M10 4H4v16h6M15 8l4 4-4 4M19 12H9",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.5 9a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5h.01",
  "chevron-down": "M6 9l6 6 6-6",
  "chevron-right": "M9 6l6 6-6 6",
  "chevron-left": "M15 6l-6 6 6 6",
  "arrow-up": "M12 20V5M6 11l6-6 6 6",
  "arrow-down": "M12 4v15M6 13l6 6 6-6",
  first: "M18 6l-6 6 6 6M7 6v12",
  more: "M12 6h.01M12 12h.01M12 18h.01",
  columns: "M4 4h16v16H4zM9.5 4v16M15 4v16",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  refresh: "M20 11a8 8 0 0 0-14.5-4M4 4v4h4M4 13a8 8 0 0 0 14.5 4M20 20v-4h-4",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  bookmark: "M6 4h12v17l-6-4-6 4z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5l4.5 4.5L19 7.5",
  "circle-check": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12.5l3 3 5-6",
  "circle-x": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9 9l6 6M15 9l-6 6",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
  warning: "M12 3 2.5 20h19zM12 10v4M12 17h.01",
  stop: "M6 6h12v12H6z",
  play: "M7 4l12 8-12 8z",
  pause: "M8 5v14M16 5v14",
  rerun: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4h4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
  send: "M3 11 21 4l-6 17-4-7zM11 14l10-10",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
  chart: "M4 4v16h16M8 15l3-4 3 2 5-7",
  zoom: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5M8 11h6",
  wrap: "M4 6h16M4 12h13a3 3 0 0 1 0 6h-5M14 15.5 11.5 18l2.5 2.5M4 18h4",
  key: "M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11h9v4M17 11v3",
  shield: "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z",
  server: "M4 4h16v7H4zM4 13h16v7H4zM8 7.5h.01M8 16.5h.01",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: the word beside it says the same. Where there is no word, the button has an `aria-label`. */
export function Icon({
  name,
  size = 16,
  className,
}: {
  readonly name: IconName;
  readonly size?: number;
  readonly className?: string;
}) {
  return (
    <svg
      className={className === undefined ? "lv-icon" : `lv-icon ${className}`}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The brand's mark. */
export function LeafMark({ size = 22 }: { readonly size?: number }) {
  return (
    <svg className="lv-leaf" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d="M12 22V11M12 15c-5 .5-8-2-8.5-7C8.5 7.5 11.5 10 12 15Zm0-4c-.5-4.5 2-8 8.5-8.5.5 6-3 9-8.5 8.5Z" />
    </svg>
  );
}
