import { Button } from "@mantine/core";
import { Icon } from "../../components/icon.js";
import { Empty } from "../../components/page-states.js";
import { Time } from "../../components/time.js";

export interface SearchedSoFarProps {
  /** How far tasks were looked at; null when they are not sorted by when they were received. */
  readonly to: string | null;
  /** Whether the oldest come first. */
  readonly ascending: boolean;
  /** Whether the page has any rows. */
  readonly found: boolean;
  readonly onFurther: (() => void) | undefined;
}

/** The search took its time and is not over: what was not looked at yet, and the button that goes on. Not "nothing matches". */
export function SearchedSoFar({ to, ascending, found, onFurther }: SearchedSoFarProps) {
  const further = onFurther && (
    <Button size="xs" variant="default" leftSection={<Icon name="search" size={13} />} onClick={onFurther}>
      Search further
    </Button>
  );
  const reached = <Reached to={to} ascending={ascending} />;
  if (!found) {
    return (
      <div role="status">
        <Empty title="Nothing found yet" icon="search" action={further}>
          {reached}
        </Empty>
      </div>
    );
  }
  return (
    <div className="lv-row-of" role="status">
      <span className="lv-muted">{reached}</span>
      {further}
    </div>
  );
}

function Reached({ to, ascending }: Pick<SearchedSoFarProps, "to" | "ascending">) {
  if (to === null) return <>The search is not over: not all tasks were looked at yet.</>;
  return (
    <>
      {ascending ? "Searched up to" : "Searched back to"} <Time at={to} show="both" />; {ascending ? "newer" : "older"}{" "}
      tasks were not looked at yet.
    </>
  );
}
