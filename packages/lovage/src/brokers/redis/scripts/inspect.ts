import { ALLOW_WHEN_FULL } from "./common.js";

/** Which of the held messages are the queue's: ours say it in their tag, others' in what is kept of them. */
const HELD_OF = `
local function held_of(queue)
  local suffix, rest, found = suffix_of(queue), ':' .. queue, {}
  local plain = ', "' .. queue .. '"]'
  for _, tag in ipairs(redis.call('ZRANGE', INDEX, 0, -1)) do
    local token, step, of = parse_tag(tag)
    if of then
      if of == queue then found[#found + 1] = tag end
    else
      local value = redis.call('HGET', UNACKED, tag)
      if value and (string.sub(value, -#suffix) == suffix or string.sub(value, -#plain) == plain) then found[#found + 1] = tag end
    end
  end
  return found
end
`;

/**
 * ARGV: prefix · queue
 * Returns {} when it does not exist, else {ready, unacked, scheduled, consumers, the heads of its lists…}.
 */
export const COUNTS_LUA = `${HELD_OF}
${ALLOW_WHEN_FULL}
local queue, now_ms = ARGV[2], math.floor(now_us() / 1000)
if not exists(queue) and redis.call('EXISTS', scheduled_of(queue)) == 0 then return {} end
promote(queue, now_ms)
local ready, heads = 0, {}
for _, step in ipairs(STEPS) do
  local key = list_of(queue, step)
  ready = ready + redis.call('LLEN', key)
  -- The head is where they are taken; the envelope's start is enough.
  local head = redis.call('LINDEX', key, -1)
  if head then heads[#heads + 1] = string.sub(head, 1, 100) end
end
return {
  ready, #held_of(queue), redis.call('ZCARD', scheduled_of(queue)),
  redis.call('ZCOUNT', prefix .. 'lovage:consumers:' .. queue, int(now_ms), '+inf'), unpack(heads)
}
`;

/**
 * ARGV: prefix · queue · limit · offset
 * Returns rows of four: state · where (step or token) · due (Unix milliseconds or "") · envelope.
 */
export const PEEK_LUA = `${HELD_OF}
${ALLOW_WHEN_FULL}
local queue, limit, offset = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
promote(queue, math.floor(now_us() / 1000))
local rows = {}
local function add(state, where, due, envelope)
  local at = #rows
  rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4] = state, where, due, envelope
  limit = limit - 1
end
for _, step in ipairs(STEPS) do
  local key = list_of(queue, step)
  local length = redis.call('LLEN', key)
  if limit > 0 and offset < length then
    local items = redis.call('LRANGE', key, -offset - limit, -offset - 1)
    for index = #items, 1, -1 do add('ready', tostring(step), '', items[index]) end
  end
  offset = math.max(0, offset - length)
end
local key = scheduled_of(queue)
local waiting = redis.call('ZCARD', key)
if limit > 0 and offset < waiting then
  local members = redis.call('ZRANGE', key, offset, offset + limit - 1, 'WITHSCORES')
  for index = 1, #members, 2 do
    local token, _, envelope = parse_scheduled(members[index])
    if envelope then add('scheduled', token, members[index + 1], envelope) end
  end
end
offset = math.max(0, offset - waiting)
if limit > 0 then
  local tags = held_of(queue)
  by_token_descending(tags)
  for index = #tags - offset, 1, -1 do
    if limit <= 0 then break end
    local value = redis.call('HGET', UNACKED, tags[index])
    if value then add('unacked', tags[index], '', value) end
  end
end
return rows
`;

/**
 * Takes messages out of turn.
 *
 * ARGV: prefix · connection · lease (milliseconds) · queue · then for each: where ("s" or a step) · name
 *       "s": name is \`<due>:<token>\` of a message that waits for its ETA; a step: name is the delivery tag, or the digest of one without
 * Returns rows of four: index (from 0) · token · step · envelope; none for those that are not there.
 */
export const PICK_LUA = `
${ALLOW_WHEN_FULL}
local lease_ms, queue, rows = tonumber(ARGV[3]), ARGV[4], {}
local now = now_us()
local now_ms = math.floor(now / 1000)
promote(queue, now_ms)

local function name_of(envelope)
  local tag = string.match(envelope, '.*"delivery_tag": ?"([^"]*)"')
  return tag or redis.sha1hex(envelope)
end

local function hold(index, step, envelope)
  local token = take_tokens(1, now)
  local tag = 'lovage:' .. ARGV[2] .. ':' .. int(token) .. '+0:' .. step .. ':' .. queue
  redis.call('HSET', UNACKED, tag, '[' .. envelope .. suffix_of(queue))
  redis.call('ZADD', INDEX, string.format('%.6f', now / 1000000), tag)
  redis.call('ZADD', LEASES, int(now_ms + lease_ms), tag)
  local at = #rows
  rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4] = index, int(token), tostring(step), envelope
end

local wanted = {}
for at = 5, #ARGV, 2 do
  local index = (at - 5) / 2
  if ARGV[at] == 's' then
    local due, token = string.match(ARGV[at + 1], '^(%d+):(%d+)$')
    for _, member in ipairs(due and redis.call('ZRANGEBYSCORE', scheduled_of(queue), due, due) or {}) do
      local its, step, envelope = parse_scheduled(member)
      if its == token then
        redis.call('ZREM', scheduled_of(queue), member)
        hold(index, step, envelope)
      end
    end
  else
    wanted[ARGV[at + 1]] = index
  end
end
if next(wanted) then
  for _, step in ipairs(STEPS) do
    local key = list_of(queue, step)
    local length = redis.call('LLEN', key)
    local found = {}
    for from = 1, length, CHUNK do
      local items = redis.call('LRANGE', key, -math.min(length, from + CHUNK - 1), -from)
      for at = #items, 1, -1 do
        local name = name_of(items[at])
        if wanted[name] then
          found[#found + 1] = {wanted[name], items[at]}
          wanted[name] = nil
        end
      end
      if not next(wanted) then break end
    end
    for _, each in ipairs(found) do
      redis.call('LREM', key, -1, each[2])
      hold(each[1], step, each[2])
    end
  end
end
return rows
`;

/**
 * ARGV: prefix · queue
 * Drops what is ready and what waits for its ETA; returns how many.
 */
export const PURGE_LUA = `
${ALLOW_WHEN_FULL}
local dropped = redis.call('ZCARD', scheduled_of(ARGV[2]))
redis.call('DEL', scheduled_of(ARGV[2]))
redis.call('ZREM', DUE, ARGV[2])
for _, step in ipairs(STEPS) do
  local key = list_of(ARGV[2], step)
  dropped = dropped + redis.call('LLEN', key)
  redis.call('DEL', key)
end
return dropped
`;

/**
 * ARGV: prefix · queue · exchanges that others made…
 * Removes the queue with all its messages, held ones too, and its bindings.
 */
export const DELETE_LUA = `${HELD_OF}
${ALLOW_WHEN_FULL}
local queue = ARGV[2]
for _, tag in ipairs(held_of(queue)) do forget(tag) end
redis.call('DEL', scheduled_of(queue), prefix .. 'lovage:consumers:' .. queue)
for _, step in ipairs(STEPS) do redis.call('DEL', list_of(queue, step)) end
redis.call('HDEL', QUEUES, queue)
redis.call('ZREM', DUE, queue)
local exchanges = redis.call('HKEYS', EXCHANGES)
for at = 3, #ARGV do exchanges[#exchanges + 1] = ARGV[at] end
exchanges[#exchanges + 1] = queue
for _, exchange in ipairs(exchanges) do
  for _, member in ipairs(redis.call('SMEMBERS', binding_of(exchange))) do
    local _, bound = parse_binding(member)
    if bound == queue then redis.call('SREM', binding_of(exchange), member) end
  end
end
return 1
`;
