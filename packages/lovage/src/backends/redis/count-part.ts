import { defineScript } from "../../connections/redis.js";

/**
 * Counts a chord's part once.
 *
 * KEYS: the set of parts. ARGV: the part; milliseconds to live (0 for ever). Returns how many parts have been counted.
 */
export const COUNT_PART = defineScript(`
redis.call('SADD', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('SCARD', KEYS[1])
`);
