/** A stretch of a trace: frames of one's own code (and messages), or foreign ones. */
export interface TracePart {
  readonly foreign: boolean;
  readonly lines: readonly string[];
  readonly frames: number;
}

/** Node's `    at f (file:///app/node_modules/x/y.js:1:2)`, and its internals. */
const NODE_FRAME = /^\s+at /;
const NODE_FOREIGN = /node_modules[\\/]|\(node:|at node:|<anonymous>\)?$|\[native code\]/;
/** Python's `  File "/usr/lib/python3/site-packages/x.py", line 1, in f`; its source line follows with a deeper indent. */
const PYTHON_FRAME = /^\s+File "/;
const PYTHON_FOREIGN = /(site|dist)-packages[\\/]|[\\/]lib[\\/]python\d|File "<frozen /;

/** Cuts a trace where its own frames and foreign ones meet. Anything that is no frame stands with the own ones. */
export function foldTrace(text: string): readonly TracePart[] {
  const parts: { foreign: boolean; lines: string[]; frames: number }[] = [];
  let foreignBefore = false;
  let inPythonFrame = false;
  for (const line of text.replace(/\n+$/, "").split("\n")) {
    const frame = NODE_FRAME.test(line) || PYTHON_FRAME.test(line);
    // Lines below a Python frame (its source, and 3.11's carets) belong to it.
    const belongs: boolean = inPythonFrame && !frame && /^\s{4}/.test(line);
    const foreign: boolean = frame ? NODE_FOREIGN.test(line) || PYTHON_FOREIGN.test(line) : belongs && foreignBefore;
    inPythonFrame = frame ? PYTHON_FRAME.test(line) : belongs;
    foreignBefore = foreign;
    const last = parts.at(-1);
    if (last && last.foreign === foreign) {
      last.lines.push(line);
      last.frames += frame ? 1 : 0;
    } else parts.push({ foreign, lines: [line], frames: frame ? 1 : 0 });
  }
  return parts;
}
