import { SegmentedControl } from "@mantine/core";
import { useState } from "react";
import type { QueueMessage } from "../../../api/queues.js";
import { AppLink } from "../../components/app-link.js";
import { CopyButton } from "../../components/copy-button.js";
import { jsonText, sizeText } from "../../components/json-text.js";
import { JsonTree } from "../../components/json-value.js";
import { Facts } from "../../components/page.js";
import { Time } from "../../components/time.js";
import { paths } from "../../paths.js";

/** A message whole: what it is, and its headers, properties and body, read or as they came. */
export function MessageParts({ message }: { readonly message: QueueMessage }) {
  const [form, setForm] = useState<"decoded" | "raw">("decoded");
  return (
    <div className="lv-stack">
      <Facts
        facts={[
          { name: "Task", value: message.task === null ? null : <TaskName name={message.task} /> },
          { name: "Id", value: message.id === null ? null : <TaskId id={message.id} /> },
          { name: "Sent", value: <Time at={message.sent} show="both" /> },
          { name: "Origin", value: message.origin === null ? null : <bdi>{message.origin}</bdi> },
          { name: "ETA", value: <Time at={message.eta} show="both" /> },
          { name: "Expires", value: <Time at={message.expires} show="both" /> },
          { name: "Priority", value: message.priority },
          { name: "Deliveries", value: message.deliveries },
          { name: "Size", value: sizeText(message.sizeBytes) },
          { name: "Content", value: `${message.contentType || "not told"} ${message.contentEncoding}` },
        ]}
      />
      <div className="lv-row-of">
        <SegmentedControl
          size="xs"
          aria-label="Form of the message"
          data={[
            { value: "decoded", label: "Decoded" },
            { value: "raw", label: "Raw" },
          ]}
          value={form}
          onChange={(value) => setForm(value === "raw" ? "raw" : "decoded")}
        />
        <CopyButton text={() => messageText(message)} label="Copy the message as JSON" />
      </div>
      <MessageBody message={message} raw={form === "raw"} />
      <h3>Headers</h3>
      <JsonTree data={message.headers} label="the headers" />
      <h3>Properties</h3>
      <JsonTree data={message.properties} label="the properties" />
    </div>
  );
}

function TaskName({ name }: { readonly name: string }) {
  return (
    <AppLink to={paths.taskType(name)}>
      <bdi>{name}</bdi>
    </AppLink>
  );
}

function TaskId({ id }: { readonly id: string }) {
  return (
    <span className="lv-with-copy">
      <AppLink to={paths.task(id)} className="lv-mono lv-wrap-anywhere">
        {id}
      </AppLink>
      <CopyButton text={id} label="Copy the id" />
    </span>
  );
}

function MessageBody({ message, raw }: { readonly message: QueueMessage; readonly raw: boolean }) {
  const { body, bodyText, bodyCut } = message;
  return (
    <>
      <h3>Body</h3>
      {!raw && body !== null && body !== undefined ? (
        <JsonTree data={body} label="the body" />
      ) : bodyText === "" ? (
        <p className="lv-muted">It is empty, or may not be shown to your role.</p>
      ) : (
        <div className="lv-code-box">
          <div className="lv-code-tools">
            <CopyButton text={bodyText} label="Copy the body" />
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <section className="lv-code" tabIndex={0} aria-label="Body as text">
            {bodyText}
          </section>
        </div>
      )}
      {!raw && body === null && bodyText !== "" && (
        <p className="lv-muted">It could not be read as JSON: as text, or as base64 where it is not even that.</p>
      )}
      {bodyCut && <p className="lv-muted">Cut: the whole has {sizeText(message.sizeBytes)}.</p>}
    </>
  );
}

/** The message as JSON, for the clipboard and for files. */
export function messageText(message: QueueMessage): string {
  return jsonText(message);
}
