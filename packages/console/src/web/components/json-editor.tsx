import { useId, useMemo, useRef } from "react";
import { parseJsonText } from "./json-text.js";

export interface JsonEditorProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** What the value must be. Default "any". */
  readonly expects?: "array" | "object" | "any";
  /** The server's words about it. */
  readonly error?: string | undefined;
  readonly description?: string;
  /** Rows of text; grows with it up to 20. */
  readonly rows?: number;
}

/** What is wrong with a text as JSON, or its value. */
export type JsonReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** Reads the text of an editor. An empty text is an empty list or object where one is expected. */
export function readJson(text: string, expects: NonNullable<JsonEditorProps["expects"]> = "any"): JsonReading {
  if (text.trim() === "" && expects !== "any") return { ok: true, value: expects === "array" ? [] : {} };
  try {
    const value = parseJsonText(text);
    if (expects === "array" && !Array.isArray(value)) return { ok: false, message: "A list is needed, as in [1, 2]." };
    if (expects === "object" && (typeof value !== "object" || value === null || Array.isArray(value)))
      return { ok: false, message: 'An object is needed, as in {"a": 1}.' };
    return { ok: true, value };
  } catch (error) {
    return { ok: false, message: `No JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A plain text area for JSON, with line numbers and what is wrong with it. */
export function JsonEditor({ label, value, onChange, expects = "any", error, description, rows = 4 }: JsonEditorProps) {
  const id = useId();
  const numbers = useRef<HTMLPreElement>(null);
  const reading = useMemo(() => readJson(value, expects), [value, expects]);
  const message = reading.ok ? error : reading.message;
  const lines = value.split("\n").length;
  return (
    <div className="lv-editor">
      <label htmlFor={id}>{label}</label>
      {description !== undefined && (
        <p id={`${id}-description`} className="lv-muted">
          {description}
        </p>
      )}
      <div className={message === undefined ? "lv-editor-box" : "lv-editor-box lv-editor-bad"}>
        <pre ref={numbers} className="lv-editor-numbers" aria-hidden="true">
          {Array.from({ length: lines }, (_, line) => line + 1).join("\n")}
        </pre>
        <textarea
          id={id}
          value={value}
          rows={Math.min(20, Math.max(rows, lines))}
          spellCheck={false}
          autoComplete="off"
          wrap="off"
          aria-invalid={message !== undefined}
          aria-describedby={
            [description !== undefined && `${id}-description`, message !== undefined && `${id}-error`]
              .filter(Boolean)
              .join(" ") || undefined
          }
          onChange={(event) => onChange(event.currentTarget.value)}
          onScroll={(event) => {
            if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      {message !== undefined && (
        <p id={`${id}-error`} className="lv-problem" role="alert">
          {message}
        </p>
      )}
    </div>
  );
}
