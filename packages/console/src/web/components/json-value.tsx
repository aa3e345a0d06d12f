import { ActionIcon, Button, TextInput, Tooltip } from "@mantine/core";
import { useMemo, useState } from "react";
import type { TaskValue } from "../../api/tasks.js";
import { CopyButton } from "./copy-button.js";
import { DownloadLink } from "./download-link.js";
import { Icon } from "./icon.js";
import { isBigint, jsonText, sizeText } from "./json-text.js";
import { Badge } from "./state-badge.js";

export interface JsonValueProps {
  /** A value of a task, with what is known about it; null: not known. */
  readonly value: TaskValue | null;
  /** What it is, for labels: "Arguments". */
  readonly label: string;
  /** Where the whole can be had when it was cut: a path of the API. */
  readonly download?: string | undefined;
}

/** A value of a task: a tree for JSON, a text for a Python `repr`, which is never taken apart. */
export function JsonValue({ value, label, download }: JsonValueProps) {
  if (value === null) return <p className="lv-none">Not known</p>;
  if (value.form === "hidden") return <p className="lv-muted">Hidden: your role may not see values.</p>;
  return (
    <div className="lv-value">
      {value.form === "repr" ? (
        <ReprText text={typeof value.value === "string" ? value.value : jsonText(value.value)} label={label} />
      ) : (
        <JsonTree data={value.value} label={label} />
      )}
      {value.cut && (
        <p className="lv-muted">
          Cut{value.sizeBytes !== null && `: the whole has ${sizeText(value.sizeBytes)}`}.{" "}
          {download !== undefined && <DownloadLink path={download} label={`Download ${label}`} />}
        </p>
      )}
    </div>
  );
}

function ReprText({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div className="lv-code-box">
      <div className="lv-code-tools">
        <Tooltip label="A text made for people (Python's repr): shown as it came, never read as a value">
          <span>
            <Badge tone="quiet">repr</Badge>
          </span>
        </Tooltip>
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="lv-code" tabIndex={0} aria-label={label}>
        {text}
      </section>
    </div>
  );
}

/** Any JSON: a tree with depth 2 open, find, copy and the raw text. */
export function JsonTree({ data, label }: { readonly data: unknown; readonly label: string }) {
  const [raw, setRaw] = useState(false);
  const [find, setFind] = useState("");
  const [finding, setFinding] = useState(false);
  const text = useMemo(() => jsonText(data), [data]);
  const large = isBranch(data);
  return (
    <div className="lv-code-box">
      <div className="lv-code-tools">
        {finding && (
          <TextInput
            size="xs"
            aria-label={`Find in ${label}`}
            placeholder="Find"
            value={find}
            onChange={(event) => setFind(event.currentTarget.value)}
            autoFocus
          />
        )}
        {large && (
          <ActionIcon
            variant="subtle"
            color="gray"
            size={24}
            aria-label={`Find in ${label}`}
            aria-pressed={finding}
            onClick={() => {
              setFinding(!finding);
              setFind("");
            }}
          >
            <Icon name="search" size={14} />
          </ActionIcon>
        )}
        {large && (
          <Button variant="subtle" color="gray" size="compact-xs" aria-pressed={raw} onClick={() => setRaw(!raw)}>
            {raw ? "Tree" : "Raw"}
          </Button>
        )}
        <CopyButton text={text} label={`Copy ${label}`} />
      </div>
      {raw || !large ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section className="lv-code" tabIndex={0} aria-label={label}>
          {raw ? text : <Leaf value={data} />}
        </section>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section className="lv-code lv-tree" tabIndex={0} aria-label={label}>
          <Branch value={data} depth={0} find={find.toLowerCase()} />
        </section>
      )}
    </div>
  );
}

/** So deep and so many a branch: a hostile value must not stop the page. */
const DEPTH_LIMIT = 60;
const PAGE = 100;

type BranchValue = readonly unknown[] | Readonly<Record<string, unknown>>;
function isBranch(value: unknown): value is BranchValue {
  if (typeof value !== "object" || value === null || isBigint(value)) return false;
  return Object.keys(value).length > 0;
}

interface BranchProps {
  readonly value: BranchValue;
  readonly depth: number;
  readonly find: string;
}

function Branch({ value, depth, find }: BranchProps) {
  const [shown, setShown] = useState(PAGE);
  const entries = Object.entries(value);
  const found = find === "" ? entries : entries.filter(([key, each]) => matches(key, each, find));
  return (
    <ul>
      {found.slice(0, shown).map(([key, each]) => (
        <li key={key}>
          <Entry name={key} value={each} depth={depth} find={find} ofArray={Array.isArray(value)} />
        </li>
      ))}
      {found.length > shown && (
        <li>
          <Button variant="subtle" size="compact-xs" onClick={() => setShown(shown + PAGE)}>
            {found.length - shown} more
          </Button>
        </li>
      )}
    </ul>
  );
}

interface EntryProps {
  readonly name: string;
  readonly value: unknown;
  readonly depth: number;
  readonly find: string;
  readonly ofArray: boolean;
}
function Entry({ name, value, depth, find, ofArray }: EntryProps) {
  const [chosen, setChosen] = useState<boolean>();
  const key = <span className={ofArray ? "lv-json-index" : "lv-json-key"}>{name}</span>;
  if (!isBranch(value)) {
    return (
      <>
        {key}: <Leaf value={value} />
      </>
    );
  }
  if (depth >= DEPTH_LIMIT) {
    return (
      <>
        {key}: <span className="lv-muted">… deeper than {DEPTH_LIMIT} levels: see Raw</span>
      </>
    );
  }
  const open = chosen ?? (depth < 1 || find !== "");
  return (
    <>
      <button type="button" className="lv-json-toggle" aria-expanded={open} onClick={() => setChosen(!open)}>
        <Icon name={open ? "chevron-down" : "chevron-right"} size={12} />
        {key}
        <span className="lv-muted"> {branchSummary(value)}</span>
      </button>
      {open && <Branch value={value} depth={depth + 1} find={find} />}
    </>
  );
}

function branchSummary(value: BranchValue): string {
  const count = Object.keys(value).length;
  return Array.isArray(value) ? `[${count}]` : `{${count}}`;
}

function Leaf({ value }: { readonly value: unknown }) {
  if (isBigint(value)) return <span className="lv-json-number">{value.$bigint}</span>;
  if (typeof value === "string") return <span className="lv-json-string">{JSON.stringify(value)}</span>;
  if (typeof value === "number") return <span className="lv-json-number">{String(value)}</span>;
  if (typeof value === "object" && value !== null) return <span>{Array.isArray(value) ? "[]" : "{}"}</span>;
  return <span className="lv-json-word">{String(value)}</span>;
}

/** Whether the key or anything below it holds the text. Asks the text and not the tree: deep values cost no recursion of ours. */
function matches(key: string, value: unknown, find: string): boolean {
  return key.toLowerCase().includes(find) || jsonText(value).toLowerCase().includes(find);
}
