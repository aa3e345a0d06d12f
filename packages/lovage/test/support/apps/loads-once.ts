import { app } from "../pool-app.js";

if (process.env.LOVAGE_TEST_LOADED) throw new Error("loaded once already");

export { app };
