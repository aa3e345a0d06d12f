import { Lovage } from "../../../src/index.js";

export const number = 1;
export const shop = new Lovage("the only one");
export const sameShop = shop;
