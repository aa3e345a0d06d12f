/**
 * Puts a batch of messages into every queue they route to, once, however often the batch is sent.
 *
 * ARGV: prefix · connection · number of the batch · numbers of batches that nobody will send again, with spaces between ·
 *       then runs of messages with one route, each:
 *       exchange · routing key · priority · due (Unix milliseconds, or "") · mandatory (1 or 0) · count · envelopes…
 * Returns the messages that were not taken: index in the batch (from 0), what is wrong, …   ("unroutable", or Redis's words).
 *
 * An envelope ends with its priority of one digit and two braces: on a queue that is drained 9 first it is written as 9 − p.
 */
export const PUBLISH_LUA = `
local done_key, number = prefix .. 'lovage:published:' .. ARGV[2], ARGV[3]
local before = redis.call('HGET', done_key, number)
if before then
  local again = {}
  for index, what in string.gmatch(before, '(%d+) ([^\\n]*)\\n') do
    again[#again + 1] = index
    again[#again + 1] = what
  end
  return again
end

local function words_of(text)
  local words = {}
  for word in string.gmatch(text .. '.', '([^.]*)%.') do words[#words + 1] = word end
  return words
end
-- AMQP's topic patterns. Row by row, so that a hostile pattern takes no more than pattern x key steps.
local function matches_topic(pattern, words)
  local reached = {[0] = true}
  for _, part in ipairs(words_of(pattern)) do
    local after = {}
    for n = 0, #words do
      if part == '#' then after[n] = reached[n] or (n > 0 and after[n - 1])
      elseif n > 0 then after[n] = reached[n - 1] and (part == '*' or part == words[n]) end
    end
    reached = after
  end
  return reached[#words]
end

local members_of = {}
local function bindings(exchange)
  if not members_of[exchange] then members_of[exchange] = redis.call('SMEMBERS', binding_of(exchange)) end
  return members_of[exchange]
end
-- Python does not store the type: bindings of topic exchanges have a pattern.
local function type_of(exchange)
  local stored = redis.call('HGET', EXCHANGES, exchange)
  if stored then return stored end
  for _, member in ipairs(bindings(exchange)) do
    local _, _, pattern = parse_binding(member)
    if pattern and pattern ~= '' then return 'topic' end
  end
  return 'direct'
end
local function routed(exchange, routing_key)
  if exchange == '' then return exists(routing_key) and {routing_key} or {} end
  local type, words, found, seen = type_of(exchange), words_of(routing_key), {}, {}
  for _, member in ipairs(bindings(exchange)) do
    local key, queue = parse_binding(member)
    if key and queue ~= '' and not seen[queue] and (type == 'fanout' or (type == 'direct' and key == routing_key)
        or (type == 'topic' and matches_topic(key, words))) then
      seen[queue] = true
      found[#found + 1] = queue
    end
  end
  return found
end

-- The step of a priority on a queue, and the digit to write when it is another one.
local function placed(queue, priority)
  local spec = redis.call('HGET', QUEUES, queue)
  local maximum, order = string.match(spec or '', '^(%d+) (%a+)$')
  if not maximum then return STEPS[1], nil end
  local counted = math.max(0, math.min(priority, tonumber(maximum), 9))
  if order == 'celery' then return step_for(counted), nil end
  return step_for(9 - counted), 9 - counted
end

local result, failures = {}, ''
local function fail(index, what)
  what = string.gsub(what, '\\n', ' ')
  result[#result + 1] = index
  result[#result + 1] = what
  failures = failures .. index .. ' ' .. what .. '\\n'
end
local wrote, refused = false, nil
local function try(...)
  local reply = redis.pcall(...)
  local refusal = refused_by(reply)
  if not refusal then wrote = true return nil end
  -- Nothing is there yet: the whole batch is refused as one.
  if not wrote and not string.find(refusal.err, 'WRONGTYPE', 1, true) then refused = refusal end
  return refusal.err
end

local function schedule(queue, step, envelopes, due, now)
  -- Before the tokens, which need memory too.
  local failure = try('ZADD', DUE, 'LT', int(due), queue)
  if failure then return failure end
  local token = take_tokens(#envelopes, now)
  for index, envelope in ipairs(envelopes) do
    local member = string.format('%016.0f', token + index - 1) .. ':' .. step .. ':' .. envelope
    failure = try('ZADD', scheduled_of(queue), int(due), member) or failure
  end
  return failure
end
local function put(queue, from, count, due, priority, now)
  local step, digit = placed(queue, priority)
  -- As they came, where nothing is to be changed in them: copies would cost half of all this.
  local envelopes, first = ARGV, from
  if digit or due then
    envelopes, first = {}, 1
    for index = from, from + count - 1 do
      local envelope = ARGV[index]
      envelopes[#envelopes + 1] = digit and (string.sub(envelope, 1, -4) .. int(digit) .. '}}') or envelope
    end
  end
  if due and due > now / 1000 then return schedule(queue, step, envelopes, due, now) end
  local key, last = list_of(queue, step), first + count - 1
  for at = first, last, CHUNK do
    local failure = try('LPUSH', key, unpack(envelopes, at, math.min(at + CHUNK - 1, last)))
    if failure then return failure end
  end
end

local at, index, now = 5, 0, now_us()
while at <= #ARGV do
  local exchange, routing_key, priority, due = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local mandatory, count = ARGV[at + 4] == '1', tonumber(ARGV[at + 5])
  local queues = routed(exchange, routing_key)
  local what = #queues == 0 and mandatory and 'unroutable' or nil
  for _, queue in ipairs(queues) do what = put(queue, at + 6, count, due, priority, now) or what end
  if refused then return refused end
  if what then for offset = 0, count - 1 do fail(index + offset, what) end end
  index = index + count
  at = at + 6 + count
end
-- Without a write nothing needs to be remembered: sent again, the batch fails the same way.
if wrote then
  redis.call('HSET', done_key, number, failures)
  redis.call('EXPIRE', done_key, 3600)
end
local retired = {}
for each in string.gmatch(ARGV[4], '%d+') do retired[#retired + 1] = each end
if #retired > 0 then call_with('HDEL', done_key, retired) end
return result
`;
