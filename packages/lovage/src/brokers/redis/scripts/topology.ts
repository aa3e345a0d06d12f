import { ALLOW_WHEN_FULL } from "./common.js";

/**
 * ARGV: prefix · queue · specification · exchange · type · binding member     (exchange "" for none)
 * Makes the queue known, and bound to the exchange.
 * Returns {} or what is there already and differs: {"queue", its specification} or {"exchange", its type}; then nothing was changed.
 */
export const DECLARE_LUA = `${ALLOW_WHEN_FULL}
local queue, spec, exchange, type, member = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local known = redis.call('HGET', QUEUES, queue)
if known and known ~= '' and known ~= spec then return {'queue', known} end
if exchange ~= '' then
  local known_type = redis.call('HGET', EXCHANGES, exchange)
  if known_type and known_type ~= type then return {'exchange', known_type} end
  redis.call('HSET', EXCHANGES, exchange, type)
  redis.call('SADD', binding_of(exchange), member)
end
redis.call('HSET', QUEUES, queue, spec)
return {}
`;

/**
 * ARGV: prefix · queue · exchange · type · binding member
 * Returns {}, {"missing"} for a queue that does not exist, or {"exchange", its type}.
 */
export const BIND_LUA = `${ALLOW_WHEN_FULL}
local queue, exchange, type, member = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not exists(queue) then return {'missing'} end
local known_type = redis.call('HGET', EXCHANGES, exchange)
if known_type and known_type ~= type then return {'exchange', known_type} end
redis.call('HSET', EXCHANGES, exchange, type)
redis.call('SADD', binding_of(exchange), member)
return {}
`;

/**
 * ARGV: prefix · exchange · routing key · queue
 * Removes the binding, whatever its pattern. Returns how many were removed.
 */
export const UNBIND_LUA = `${ALLOW_WHEN_FULL}
local removed = 0
for _, member in ipairs(redis.call('SMEMBERS', binding_of(ARGV[2]))) do
  local key, queue = parse_binding(member)
  if key == ARGV[3] and queue == ARGV[4] then removed = removed + redis.call('SREM', binding_of(ARGV[2]), member) end
end
return removed
`;

/**
 * ARGV: prefix · queues…
 * Returns those that do not exist.
 */
export const MISSING_LUA = `
local missing = {}
for at = 2, #ARGV do
  if not exists(ARGV[at]) then missing[#missing + 1] = ARGV[at] end
end
return missing
`;

/**
 * ARGV: prefix · queues…
 * Remembers queues that others made: found in bindings that \`exists\` does not look into.
 */
export const ADOPT_LUA = `${ALLOW_WHEN_FULL}
for at = 2, #ARGV do redis.call('HSETNX', QUEUES, ARGV[at], '') end
return #ARGV - 1
`;

/**
 * ARGV: prefix · consumer · milliseconds that it counts as there (0: it leaves) · queues…
 */
export const PRESENCE_LUA = `${ALLOW_WHEN_FULL}
local now_ms, stay_ms = math.floor(now_us() / 1000), tonumber(ARGV[3])
for at = 4, #ARGV do
  local key = prefix .. 'lovage:consumers:' .. ARGV[at]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', int(now_ms))
  if stay_ms > 0 then
    redis.call('ZADD', key, int(now_ms + stay_ms), ARGV[2])
    redis.call('PEXPIRE', key, int(stay_ms))
  else
    redis.call('ZREM', key, ARGV[2])
  end
end
return 1
`;
