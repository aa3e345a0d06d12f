import { encodeJsonText } from "./json-text.js";

export { csvLine } from "../../api/csv-line.js";

/** A JSON array, an item a line. */
export async function* jsonItems(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let separator = "[\n";
  for await (const item of items) {
    yield separator + encodeJsonText(item);
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]\n" : "\n]\n";
}
