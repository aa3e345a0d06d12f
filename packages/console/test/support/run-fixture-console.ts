/** `npx tsx packages/console/test/support/run-fixture-console.ts [port] [prefix]`: the built pages over sample data, for the eye. */
import { FixtureConsole } from "./fixture-console.js";

const [port = "4173", urlPrefix = ""] = process.argv.slice(2);
console.log(await new FixtureConsole({ port: Number(port), urlPrefix }).start());
