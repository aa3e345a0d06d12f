import { describeFaults } from "./suites/server.js";
import { postgresRig } from "./support/rigs/postgres.js";

describeFaults("PostgreSQL", "postgres", postgresRig);
