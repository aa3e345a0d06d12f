import { styleText } from "node:util";

const COLORS = { worker: "cyan", console: "magenta", dev: "green" } as const;
/** Who writes: one of the processes, or `lovage dev` itself. */
export type DevSource = keyof typeof COLORS;

const WIDTH = Math.max(...Object.keys(COLORS).map((name) => name.length));
/** Characters of a line at most: what never ends is broken up. */
const LONGEST = 64 * 1024;

/** The output of several processes on one terminal: whole lines, each with the name of who wrote it in front. */
export class DevOutput {
  readonly #stream: NodeJS.WritableStream;
  readonly #hasColors: boolean;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // Knows NO_COLOR and FORCE_COLOR too.
    this.#hasColors = stream.isTTY && stream.hasColors();
  }

  line(source: DevSource, text: string): void {
    const name = source.padEnd(WIDTH);
    const shown = this.#hasColors ? styleText(COLORS[source], name, { validateStream: false }) : name;
    this.#stream.write(`${shown} | ${text}\n`);
  }

  /** Writes what a process says, line by line; `heard` is called with each. */
  take(source: DevSource, from: NodeJS.ReadableStream, heard: (line: string) => void = () => undefined): void {
    let rest = "";
    const put = (line: string): void => {
      this.line(source, line.replace(/\r$/, ""));
      heard(line);
    };
    from.setEncoding("utf8");
    from.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) put(line);
      if (rest.length > LONGEST) {
        put(rest);
        rest = "";
      }
    });
    from.on("end", () => {
      if (rest !== "") put(rest);
    });
  }
}
