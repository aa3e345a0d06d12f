import { Lovage } from "../../../src/index.js";

export const app = new Lovage("the one called app");
export const other = new Lovage("another");
