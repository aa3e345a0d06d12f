import { Combobox, TextInput, useCombobox } from "@mantine/core";
import { type Dispatch, type SetStateAction, useCallback, useEffect, useRef, useState } from "react";
import type { Problem } from "../../api/common.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";
import { complete, type SearchKey } from "./search-completion.js";
import { followAddress } from "./search-follow.js";
import { useShortcut } from "./shortcuts.js";

export type { SearchKey } from "./search-completion.js";

export interface SearchBoxProps {
  readonly value: string | undefined;
  /** Called on Enter, when the box is left, and half a second after the last key. */
  readonly onChange: (value: string | undefined) => void;
  readonly label?: string;
  readonly placeholder?: string;
  /** Keys of the search language, and the values they complete to. None: plain text. */
  readonly keys?: readonly SearchKey[];
  /** The server's refusal of this very value; its `position` is marked below. */
  readonly problem?: Problem | undefined;
}

/** A search with completion of keys and values. `/` goes there. */
export function SearchBox({
  value = "",
  onChange,
  label = texts.search,
  placeholder,
  keys = [],
  problem,
}: SearchBoxProps) {
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const sending = useFollow(value, setText);
  useShortcut({ keys: "/", label: "Search", group: "Everywhere", run: () => input.current?.focus() });
  const send = (next: string) => {
    const wanted = next.trim();
    if (wanted === value) return;
    sending(wanted);
    onChange(wanted === "" ? undefined : wanted);
  };
  useSendLater(text, value, send);

  const { options, replace } = complete(text, caret, keys);
  const choose = (option: string) => {
    const next = replace(option);
    setText(next.text);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.caret, next.caret);
      setCaret(next.caret);
    });
    if (!option.endsWith(":")) combobox.closeDropdown();
  };
  const follow = (element: HTMLInputElement) => {
    setCaret(element.selectionStart ?? element.value.length);
    if (keys.length > 0) combobox.openDropdown();
  };
  return (
    <div className="lv-search">
      <Combobox store={combobox} onOptionSubmit={choose} position="bottom-start" width={320} shadow="md">
        <Combobox.Target>
          <TextInput
            ref={input}
            type="search"
            size="sm"
            aria-label={label}
            placeholder={placeholder ?? label}
            leftSection={<Icon name="search" size={15} />}
            value={text}
            spellCheck={false}
            autoComplete="off"
            error={problem !== undefined}
            onChange={(event) => {
              setText(event.currentTarget.value);
              follow(event.currentTarget);
            }}
            onFocus={(event) => follow(event.currentTarget)}
            onClick={(event) => follow(event.currentTarget)}
            onKeyUp={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
            onKeyDown={(event) => {
              // Enter takes the option that the arrow keys have chosen; without one it sends.
              if (event.key === "Enter" && combobox.getSelectedOptionIndex() < 0) {
                combobox.closeDropdown();
                send(text);
              }
              if (event.key === "Escape") combobox.closeDropdown();
            }}
            onBlur={() => {
              combobox.closeDropdown();
              send(text);
            }}
          />
        </Combobox.Target>
        <Combobox.Dropdown hidden={options.length === 0}>
          <Combobox.Options className="lv-completions" aria-label="Completions">
            {options.map((option) => (
              <Combobox.Option key={option.value} value={option.value}>
                <span className="lv-mono">{option.value}</span>
                {option.hint !== undefined && <span className="lv-muted"> {option.hint}</span>}
              </Combobox.Option>
            ))}
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
      {problem && <SearchProblem text={value} problem={problem} />}
    </div>
  );
}

/** What is wrong, with a sign under the place. */
function SearchProblem({ text, problem }: { readonly text: string; readonly problem: Problem }) {
  const { position } = problem;
  return (
    <div className="lv-search-problem" role="alert">
      {position !== undefined && (
        <pre aria-hidden="true">
          {text}
          {"\n"}
          {`${" ".repeat(Math.min(position, text.length))}^`}
        </pre>
      )}
      <p>
        {problem.detail}
        {position !== undefined && ` (position ${position + 1})`}
      </p>
    </div>
  );
}

/** The address can change from elsewhere: Back, Clear, a saved view. Returns what is to be told of each text that is sent there. */
function useFollow(value: string, setText: Dispatch<SetStateAction<string>>): (text: string) => void {
  const sent = useRef<readonly string[]>([]);
  const shown = useRef(value);
  useEffect(() => {
    if (shown.current === value) return;
    shown.current = value;
    const before = sent.current;
    sent.current = followAddress("", value, before).sent;
    setText((text) => followAddress(text, value, before).text);
  }, [value, setText]);
  return useCallback((text: string) => {
    sent.current = [...sent.current, text];
  }, []);
}

function useSendLater(text: string, value: string, send: (text: string) => void): void {
  const latest = useRef(send);
  useEffect(() => {
    latest.current = send;
  });
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => latest.current(text), 500);
    return () => clearTimeout(timer);
  }, [text, value]);
}
