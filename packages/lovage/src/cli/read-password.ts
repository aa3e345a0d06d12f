import { createInterface } from "node:readline";
import { usageError } from "./exit-codes.js";
import { remark } from "./output.js";

/** Characters of a password at most. */
const MAX_LENGTH = 1024;
/** What a terminal in raw mode sends: Enter or Ctrl-D, Ctrl-C, Backspace. */
const KEYS = { enter: ["\r", "\n", "\u0004"], stop: ["\u0003"], back: ["\u007f", "\b"] };

/**
 * Asks for a password on standard input: typed twice without being shown on a terminal; elsewhere the first line, so that it can come
 * from a pipe and stays out of the shell's history. Throws when it is empty, too long, or typed differently.
 */
export async function readPassword(): Promise<string> {
  const password = process.stdin.isTTY ? await typedTwice() : await firstLine();
  if (password === "") throw usageError("the password is empty");
  if (password.length > MAX_LENGTH) throw usageError(`the password has more than ${MAX_LENGTH} characters`);
  return password;
}

async function typedTwice(): Promise<string> {
  const first = await typed("Password: ");
  const second = await typed("Again: ");
  if (first !== second) throw usageError("the two passwords differ");
  return first;
}

async function typed(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before it asks: what is typed at once must not be shown either.
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  stderr.write(prompt);
  try {
    return await untilEnter();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    remark("");
  }
}

function untilEnter(): Promise<string> {
  const { stdin } = process;
  let text = "";
  return new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      stdin.off("data", take);
      how();
    };
    const take = (chunk: string): void => {
      for (const key of chunk) {
        if (KEYS.enter.includes(key)) return settle(() => resolve(text));
        if (KEYS.stop.includes(key)) return settle(() => reject(usageError("stopped")));
        text = KEYS.back.includes(key) ? [...text].slice(0, -1).join("") : text + key;
      }
    };
    stdin.on("data", take);
  });
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
  }
}
