import { Lovage } from "../../../src/index.js";

export const other = new Lovage("another");
// biome-ignore lint/style/noDefaultExport: what this app is here for
export default new Lovage("the default one");
