import { Lovage } from "../../../src/index.js";

export const shop = new Lovage("shop");
export const mail = new Lovage("mail");
export const number = 1;
