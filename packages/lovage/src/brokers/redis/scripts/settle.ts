import { ALLOW_WHEN_FULL } from "./common.js";

/**
 * Ends or changes what one connection holds, once, however often the batch is sent.
 *
 * ARGV: prefix · connection · number of the batch · count · that many tags of messages that are done ·
 *       then other changes, each: kind · tag · value
 *       back, ""            it goes to the head of its queue, and the delivery is counted
 *       hold, milliseconds  its lease ends that long from now
 *       begin, ""           counts a beginning of work
 *       mend, envelope      what could not be read is written anew, so that whoever restores it can
 * Returns one text: `<done>|<others>`, each a number for each change with commas between, 0 where the message was not held any more;
 * begin's is the count; "*" when all that are done were held.
 */
export const SETTLE_LUA = `
${ALLOW_WHEN_FULL}
local done_key = prefix .. 'lovage:settled:' .. ARGV[2]
local number = tonumber(ARGV[3])
local last = redis.call('GET', done_key)
if last then
  local last_number, result = string.match(last, '^(%d+)=(.*)$')
  if tonumber(last_number) >= number then return result end
end

local now = now_us()
local now_ms = math.floor(now / 1000)
local changes = {}

function changes.hold(tag, ms)
  if redis.call('HEXISTS', UNACKED, tag) == 0 then return forget(tag) end
  local before = tonumber(redis.call('ZSCORE', LEASES, tag))
  local until_ms = math.floor(now_ms + tonumber(ms))
  redis.call('ZADD', LEASES, int(until_ms), tag)
  redis.call('ZADD', INDEX, string.format('%.6f', now / 1000000), tag)
  if before and until_ms < before then redis.call('SET', NUDGE, int(until_ms), 'PX', 60000) end
  return 1
end
function changes.begin(tag)
  local value = redis.call('HGET', UNACKED, tag)
  if not value then return 0 end
  local _, _, queue = parse_tag(tag)
  local envelope, begins = with_counts(envelope_in(value, queue), 0, 1)
  redis.call('HSET', UNACKED, tag, '[' .. envelope .. suffix_of(queue))
  return begins
end
function changes.mend(tag, envelope)
  if redis.call('HEXISTS', UNACKED, tag) == 0 then return 0 end
  local _, _, queue = parse_tag(tag)
  redis.call('HSET', UNACKED, tag, '[' .. envelope .. suffix_of(queue))
  return 1
end

local function finish(tags)
  if #tags == 0 then return '*' end
  local removed = call_with('HDEL', UNACKED, tags)
  local results = '*'
  if removed < #tags then
    -- Whoever takes one away from the hash takes it from the index too: what is still there, was held until now.
    results = {}
    for index, tag in ipairs(tags) do results[index] = redis.call('ZREM', INDEX, tag) end
    results = table.concat(results, ',')
  else
    call_with('ZREM', INDEX, tags)
  end
  call_with('ZREM', LEASES, tags)
  return results
end

local count, done = tonumber(ARGV[4]), {}
for at = 5, 4 + count do done[at - 4] = ARGV[at] end
local done_results = finish(done)
local results, returned = {}, {}
for at = 5 + count, #ARGV, 3 do
  local kind, tag = ARGV[at], ARGV[at + 1]
  local index = #results + 1
  if kind == 'back' then
    results[index] = redis.call('HEXISTS', UNACKED, tag)
    returned[#returned + 1] = tag
  else
    results[index] = changes[kind](tag, ARGV[at + 2])
  end
end
by_token_descending(returned)
for _, tag in ipairs(returned) do give_back(tag) end
local text = done_results .. '|' .. table.concat(results, ',')
redis.call('SET', done_key, int(number) .. '=' .. text, 'EX', 3600)
return text
`;

/**
 * ARGV: prefix · connection · how often it was made anew
 * Returns the tags of all that this connection holds. Takes that it sent before it was made anew have no effect from now on.
 */
export const HELD_LUA = `
${ALLOW_WHEN_FULL}
redis.call('SET', prefix .. 'lovage:epoch:' .. ARGV[2], ARGV[3], 'EX', 86400)
local start, held = 'lovage:' .. ARGV[2] .. ':', {}
for _, tag in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
  if string.sub(tag, 1, #start) == start then held[#held + 1] = tag end
end
return held
`;
