import { app } from "./tasks.mjs";
import { Worker } from "lovage/worker";
console.log(Object.keys(await import("lovage/worker")).slice(0, 20));
