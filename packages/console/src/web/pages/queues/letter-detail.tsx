import type { DeadLetterItem } from "../../../api/queues.js";
import { AppLink } from "../../components/app-link.js";
import { CopyButton } from "../../components/copy-button.js";
import { sizeText } from "../../components/json-text.js";
import { Facts } from "../../components/page.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";
import { reasonText } from "./death-reason.js";
import { Replayed } from "./letter-columns.js";
import { MessageParts } from "./message-parts.js";

/** A dead letter whole: how it died, and the message. */
export function LetterDetail({ letter }: { readonly letter: DeadLetterItem }) {
  return (
    <div className="lv-stack">
      <Facts
        facts={[
          { name: "Reason", value: reasonText(letter.reason) },
          { name: "Died", value: <Time at={letter.died} show="both" /> },
          {
            name: "From queue",
            value: (
              <AppLink to={paths.queue(letter.queue)}>
                <bdi>{letter.queue}</bdi>
              </AppLink>
            ),
          },
          {
            name: "Worker",
            value:
              letter.worker === "" ? null : (
                <AppLink to={paths.worker(letter.worker)}>
                  <bdi>{letter.worker}</bdi>
                </AppLink>
              ),
          },
          { name: "Deliveries", value: letter.deliveries },
          { name: "Replayed", value: <Replayed letter={letter} /> },
          { name: "Exit code", value: letter.exitCode ?? undefined },
          { name: "Signal", value: letter.signal ?? undefined },
          { name: "Memory then", value: letter.memoryBytes === null ? undefined : sizeText(letter.memoryBytes) },
        ]}
      />
      {letter.error !== "" && (
        <>
          <h3>Error</h3>
          <div className="lv-code-box">
            <div className="lv-code-tools">
              <CopyButton text={letter.error} label="Copy the error" />
            </div>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <section className="lv-code" tabIndex={0} aria-label="Error">
              {letter.error}
            </section>
          </div>
        </>
      )}
      {letter.earlier.length > 0 && <EarlierDeaths letter={letter} />}
      <h3>Message</h3>
      <MessageParts message={letter.message} />
    </div>
  );
}

/** What it died of before it was replayed, the last time first. */
function EarlierDeaths({ letter }: { readonly letter: DeadLetterItem }) {
  const { id, earlier } = letter;
  return (
    <>
      <h3 id="earlier-deaths">Earlier deaths</h3>
      <ol className="lv-earlier-deaths" aria-labelledby="earlier-deaths">
        {earlier.map(({ died, reason, queue, worker, error }) => (
          <li key={`${died} ${reason}`}>
            <Time at={died} show="both" />: {reasonText(reason)}, from <bdi>{queue}</bdi>
            {worker !== "" && (
              <>
                , by <bdi>{worker}</bdi>
              </>
            )}
            {id !== null && (
              <>
                {" · "}
                <AppLink to={paths.task(id, { tab: "timeline" })} aria-label={`Timeline of ${id}`}>
                  timeline
                </AppLink>
              </>
            )}
            {error !== "" && (
              <div className="lv-muted">
                <bdi>{error}</bdi>
              </div>
            )}
          </li>
        ))}
      </ol>
    </>
  );
}
