import { ALLOW_WHEN_FULL } from "./common.js";

/**
 * Gives back what others lost, and moves what is due, of any queue.
 *
 * ARGV: prefix
 * Returns {milliseconds of the server's clock, Unix milliseconds of the next ETA or end of a lease, "" for none,
 *          how many held messages have vanished from Redis}.
 */
export const TEND_LUA = `
${ALLOW_WHEN_FULL}
local now_ms = math.floor(now_us() / 1000)
local gone = restore_lapsed(now_ms)
for _, queue in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', int(now_ms))) do promote(queue, now_ms) end
local due = tonumber(redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2])
local lease = tonumber(redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2])
local next = due and lease and math.min(due, lease) or due or lease
return {int(now_ms), next and int(next) or '', gone}
`;

/**
 * Which messages Python workers took and let lie: older than the visibility timeout, and none of ours that is held by a lease.
 * Newest first, as kombu goes about it.
 *
 * ARGV: prefix · visibility timeout (seconds) · how many at most
 * Returns: tag, saved message, …  Entries of the index without a message are removed.
 */
export const ABANDONED_LUA = `
${ALLOW_WHEN_FULL}
local ceiling = now_us() / 1000000 - tonumber(ARGV[2])
local found = {}
for _, tag in ipairs(redis.call('ZREVRANGEBYSCORE', INDEX, string.format('%.6f', ceiling), 0, 'LIMIT', 0, tonumber(ARGV[3]))) do
  if not redis.call('ZSCORE', LEASES, tag) then
    local value = redis.call('HGET', UNACKED, tag)
    if value then
      found[#found + 1] = tag
      found[#found + 1] = value
    else
      redis.call('ZREM', INDEX, tag)
    end
  end
end
return found
`;

/**
 * Puts one back at the head of its lists, unless somebody did meanwhile, or its holder acknowledged it after all.
 *
 * ARGV: prefix · tag · envelope · lists…
 * Returns 1 when this was the one who did it.
 */
export const RESTORE_LUA = `
${ALLOW_WHEN_FULL}
if redis.call('HDEL', UNACKED, ARGV[2]) == 0 then return 0 end
redis.call('ZREM', INDEX, ARGV[2])
for at = 4, #ARGV do redis.call('RPUSH', ARGV[at], ARGV[3]) end
return 1
`;
