// The library's own reader and writer: Python's integers have any size, and JSON.parse would round them.
export { decodeJson, encodeJson } from "../../../packages/lovage/src/protocol/content.js";
