import { decodeJson } from "./json.js";
import type { Language, Pair } from "./pair.js";

/** Seconds to wait for a worker's reply; the wait ends when it is there. */
const TIMEOUT = "10";

/** What one node answers to a remote control command, given on the command line of that language. */
export async function remoteControl(
  { stage, python }: Pair,
  language: Language,
  node: string,
  kind: "inspect" | "control",
  command: string,
  ...args: readonly string[]
): Promise<unknown> {
  const options = ["--json", "--destination", node, "--timeout", TIMEOUT];
  const { code, out, err } =
    language === "python"
      ? await python.command(kind, ...options, command, ...args)
      : await stage.lovage(kind, command, ...options, ...args).then(({ all, ...rest }) => ({ ...rest, err: all }));
  const replies = tryJson(out);
  const reply = Array.isArray(replies) ? replies.find((each) => node in each) : replies;
  if (typeof reply !== "object" || reply === null || !(node in reply))
    throw new Error(
      `${kind} ${command} of ${language} ended with ${String(code)} and no reply of ${node}:\n${out}${err}`,
    );
  return Reflect.get(reply, node);
}

function tryJson(text: string): unknown {
  try {
    return decodeJson(text.trim());
  } catch {
    return undefined;
  }
}
