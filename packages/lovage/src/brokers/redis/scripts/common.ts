import type { RedisTransport } from "../options.js";

/**
 * What all scripts begin with. Their first argument is always the key prefix; they declare no keys, since which they touch depends on
 * what they find (a cluster is refused at connect).
 *
 * kombu's keys (celery-protocol 4.1):
 *   <queue>, <queue>SEP<step>   lists: LPUSH to publish, taken from the right
 *   unacked                     hash: tag → `[envelope, exchange, routing key]`
 *   unacked_index               sorted set: tag → Unix seconds of the delivery, or of our last renewal
 * Ours:
 *   lovage:queues               hash: queue → `<maximum priority or -> <order>`; empty for a queue that others made
 *   lovage:exchanges            hash: exchange → type
 *   lovage:leases               sorted set: tag → Unix milliseconds until which the message is held
 *   lovage:tokens               the last token given out
 *   lovage:scheduled:<queue>    sorted set: `<token, 16 digits>:<step>:<envelope>` → Unix milliseconds when it is due
 *   lovage:due                  sorted set: queue → Unix milliseconds when the next of its scheduled messages is due
 *   lovage:consumers:<queue>    sorted set: consumer → Unix milliseconds until which it counts as there
 *   lovage:published:<connection>  hash: number of a batch → what was not taken of it; so that a batch sent again does nothing
 *   lovage:settled:<connection>    `<number>=<result>` of its last batch of acknowledgements, for the same reason
 *   lovage:epoch:<connection>      how often the connection was made anew
 *   lovage:nudge                written when a lease is made shorter
 * Our tags: `lovage:<connection>:<token of the first of its batch>+<number in the batch>:<step>:<queue>`: each text is cheaper so.
 * Our envelopes begin with `{"lovage": [deliveries, begins, ready since, priority], `: see envelope.ts.
 */
export function commonLua(transport: RedisTransport): string {
  const { sep, prioritySteps, unackedKey, unackedIndexKey } = transport;
  return `
local prefix = ARGV[1]
local SEP = ${luaText(sep)}
local STEPS = {${prioritySteps.join(",")}}
local UNACKED, INDEX = prefix .. ${luaText(unackedKey)}, prefix .. ${luaText(unackedIndexKey)}
local QUEUES, EXCHANGES = prefix .. 'lovage:queues', prefix .. 'lovage:exchanges'
local LEASES, TOKENS = prefix .. 'lovage:leases', prefix .. 'lovage:tokens'
local NUDGE, DUE = prefix .. 'lovage:nudge', prefix .. 'lovage:due'
local CHUNK = 1000

-- A refusal as the script's reply, so that its first word is Redis's own in all versions.
local function refused_by(reply)
  if type(reply) == 'table' and reply.err then return {err = (string.gsub(reply.err, '^%-', ''))} end
end

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function int(number) return string.format('%.0f', number) end

local function list_of(queue, step)
  if tonumber(step) == 0 then return prefix .. queue end
  return prefix .. queue .. SEP .. step
end
local function scheduled_of(queue) return prefix .. 'lovage:scheduled:' .. queue end
local function binding_of(exchange) return prefix .. '_kombu.binding.' .. exchange end

-- The largest step that is not above the priority.
local function step_for(priority)
  local found = STEPS[1]
  for _, step in ipairs(STEPS) do if step <= priority then found = step end end
  return found
end

-- The first of count tokens. Not less than the clock in microseconds: they go on growing after a failover to a copy that lagged behind.
local function take_tokens(count, now)
  local first = math.max((tonumber(redis.call('GET', TOKENS)) or 0) + 1, now)
  redis.call('SET', TOKENS, int(first + count - 1))
  return first
end

-- Calls a command with any number of arguments, and returns the sum of its replies.
local function call_with(command, key, arguments)
  local sum = 0
  for from = 1, #arguments, CHUNK do
    sum = sum + redis.call(command, key, unpack(arguments, from, math.min(from + CHUNK - 1, #arguments)))
  end
  return sum
end

local function suffix_of(queue) return ', "", ' .. cjson.encode(queue) .. ']' end

local function splice(text, at, what) return string.sub(text, 1, at) .. what .. string.sub(text, at + 1) end

-- For Python: it reads headers.redelivered and properties.delivery_info.redelivered.
local function mark(envelope, name, from)
  local _, brace = string.find(envelope, '"' .. name .. '": {', from, true)
  if not brace then return envelope end
  local rest = string.sub(envelope, brace + 1, brace + 15)
  if string.sub(rest, 1, 13) == '"redelivered"' then return envelope end
  return splice(envelope, brace, string.sub(rest, 1, 1) == '}' and '"redelivered": true' or '"redelivered": true, ')
end

-- deliveries, begins, and what follows them in the envelope
local function counts_of(envelope)
  local deliveries, begins, rest = string.match(envelope, '^{"lovage": %[(%d+), (%d+)(.*)$')
  if deliveries then return tonumber(deliveries), tonumber(begins), rest end
  if string.match(envelope, '^{%s*"') then return 0, 0, '], ' .. string.sub(envelope, 2) end
end
local function with_counts(envelope, more_deliveries, more_begins)
  local deliveries, begins, rest = counts_of(envelope)
  if not deliveries then return envelope, more_begins end
  return '{"lovage": [' .. (deliveries + more_deliveries) .. ', ' .. (begins + more_begins) .. rest, begins + more_begins
end
local function redelivered(envelope)
  envelope = with_counts(envelope, 1, 0)
  envelope = mark(envelope, 'delivery_info', math.max(1, #envelope - 1000))
  return mark(envelope, 'headers', 1)
end

local function parse_tag(tag)
  local first, number, step, queue = string.match(tag, '^lovage:[^:]*:(%d+)%+(%d+):(%d+):(.*)$')
  return first and tonumber(first) + tonumber(number), step, queue
end
local function envelope_in(value, queue) return string.sub(value, 2, -(#suffix_of(queue) + 1)) end

local function forget(tag)
  redis.call('ZREM', LEASES, tag)
  redis.call('ZREM', INDEX, tag)
  return redis.call('HDEL', UNACKED, tag)
end

-- To the head of its queue, counted. False when it is not held under this tag any more.
local function give_back(tag)
  local value = redis.call('HGET', UNACKED, tag)
  forget(tag)
  if not value then return false end
  local _, step, queue = parse_tag(tag)
  if queue then redis.call('RPUSH', list_of(queue, step), redelivered(envelope_in(value, queue))) end
  return true
end

-- Later ones first: each goes before those that were given back earlier.
local function by_token_descending(tags)
  local tokens = {}
  for _, tag in ipairs(tags) do tokens[tag] = parse_tag(tag) or 0 end
  table.sort(tags, function(a, b) return tokens[a] > tokens[b] end)
end

-- Returns how many were there no more.
local function restore_lapsed(now_ms)
  local tags = redis.call('ZRANGEBYSCORE', LEASES, '-inf', int(now_ms), 'LIMIT', 0, CHUNK)
  by_token_descending(tags)
  local gone = 0
  for _, tag in ipairs(tags) do if not give_back(tag) then gone = gone + 1 end end
  return gone
end

-- token, step, envelope
local function parse_scheduled(member)
  return string.match(member, '^(%d+):(%d+):(.*)$')
end

-- Moves what is due to its list.
local function promote(queue, now_ms)
  local key = scheduled_of(queue)
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', int(now_ms), 'WITHSCORES', 'LIMIT', 0, CHUNK)
  for index = 1, #due, 2 do
    local member = due[index]
    local _, step, envelope = parse_scheduled(member)
    redis.call('ZREM', key, member)
    if envelope then
      envelope = string.gsub(envelope, '^({"lovage": %[%d+, %d+, )%d+', '%1' .. due[index + 1], 1)
      redis.call('LPUSH', list_of(queue, step), envelope)
    end
  end
  local next = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  if next then redis.call('ZADD', DUE, next, queue) else redis.call('ZREM', DUE, queue) end
end

-- Which queue names a binding ends with: routing key, queue.
local function parse_binding(member)
  local first = string.find(member, SEP, 1, true)
  if not first then return nil end
  local second = string.find(member, SEP, first + #SEP, true)
  if not second then return nil end
  return string.sub(member, 1, first - 1), string.sub(member, second + #SEP), string.sub(member, first + #SEP, second - 1)
end

local function exists(queue)
  if redis.call('HEXISTS', QUEUES, queue) == 1 then return true end
  for _, step in ipairs(STEPS) do
    if redis.call('EXISTS', list_of(queue, step)) == 1 then return true end
  end
  -- As Celery in Python declares its queues.
  return redis.call('SISMEMBER', binding_of(queue), queue .. SEP .. SEP .. queue) == 1
end
`;
}

/**
 * For scripts that free memory, or move what is there: one may write on when memory is short once it has written something that needs
 * none. Otherwise nothing could be acknowledged then. It also finds out whether this server takes writes at all.
 */
export const ALLOW_WHEN_FULL = `
local refused = refused_by(redis.pcall('DEL', prefix .. 'lovage:none'))
if refused then return refused end
`;

function luaText(text: string): string {
  return `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
}
