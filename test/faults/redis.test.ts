import { describeFaults } from "./suites/server.js";
import { redisRig } from "./support/rigs/redis.js";

describeFaults("Redis", "redis", redisRig);
