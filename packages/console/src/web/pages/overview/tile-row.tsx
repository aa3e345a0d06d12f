import type { ReactNode } from "react";
import type { Tiles } from "../../../api/operations.js";
import { AppLink } from "../../components/app-link.js";
import { durationText } from "../../components/duration.js";
import { short, whole } from "../../components/table-texts.js";
import { paths } from "../../paths.js";
import { overviewTexts } from "./overview-texts.js";

const texts = overviewTexts.tiles;

/** The figures of now; each leads to what it counts. */
export function TileRow({ tiles }: { readonly tiles: Tiles }) {
  return (
    <section className="lv-tiles" aria-label={texts.label}>
      <Tile
        to={paths.workers()}
        name={texts.workers}
        value={whole(tiles.workersOnline)}
        beside={texts.of(tiles.workersKnown)}
        warns={tiles.workersOnline < tiles.workersKnown}
      />
      <Tile
        to={paths.tasks({ state: "STARTED,PROGRESS" })}
        name={texts.running}
        value={whole(tiles.running)}
        beside={`/ ${whole(tiles.slots)}`}
        bar={tiles.slots === 0 ? 0 : tiles.running / tiles.slots}
      />
      <Tile
        to={paths.queues()}
        name={texts.ready}
        value={count(tiles.ready)}
        title={tiles.ready === null ? texts.notTold : undefined}
      />
      <Tile to={paths.tasks({ state: "RECEIVED" })} name={texts.reserved} value={count(tiles.reserved)} />
      <Tile
        to={paths.tasks({ state: "SCHEDULED" })}
        name={texts.scheduled}
        value={count(tiles.scheduled)}
        title={tiles.scheduled === null ? texts.notTold : undefined}
      />
      <Tile to={paths.tasks({ sort: "-finished" })} name={texts.finished} value={perMinute(tiles.finishedPerMinute)} />
      <Tile
        to={paths.tasks({ state: "FAILURE" })}
        name={texts.failures}
        value={tiles.failureRate === null ? "–" : percent(tiles.failureRate)}
        beside={whole(tiles.failures)}
        title={tiles.failureRate === null ? texts.noFailures : undefined}
        bad={tiles.failures > 0}
      />
      <Tile
        to={paths.queues()}
        name={texts.oldest}
        value={tiles.oldestWaiting === null ? "–" : durationText(tiles.oldestWaiting)}
        title={tiles.oldestWaiting !== null ? undefined : tiles.ready === 0 ? texts.nothingWaits : texts.oldestNotTold}
      />
      <Tile
        to={paths.deadLetters()}
        name={texts.dead}
        value={count(tiles.deadLetters)}
        title={tiles.deadLetters === null ? texts.notTold : undefined}
        bad={(tiles.deadLetters ?? 0) > 0}
      />
    </section>
  );
}

interface TileProps {
  readonly to: string;
  readonly name: string;
  readonly value: string;
  readonly beside?: string;
  readonly title?: string | undefined;
  /** A share from 0 to 1. */
  readonly bar?: number;
  readonly bad?: boolean;
  readonly warns?: boolean;
}

function Tile({ to, name, value, beside, title, bar, bad = false, warns = false }: TileProps): ReactNode {
  return (
    <AppLink to={to} className={`lv-tile ${bad ? "lv-tile-bad" : warns ? "lv-tile-warns" : ""}`} title={title}>
      <span className="lv-tile-name">{name}</span>
      <span className="lv-tile-value">
        {value}
        {beside !== undefined && <span className="lv-tile-beside"> {beside}</span>}
      </span>
      {bar !== undefined && (
        <span className="lv-tile-bar" aria-hidden="true">
          <span style={{ width: `${Math.min(100, bar * 100)}%` }} />
        </span>
      )}
    </AppLink>
  );
}

function count(value: number | null): string {
  return value === null ? "–" : value < 100_000 ? whole(value) : short(value);
}
function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
function perMinute(value: number): string {
  return value < 10 && value % 1 !== 0 ? value.toFixed(1) : count(Math.round(value));
}
