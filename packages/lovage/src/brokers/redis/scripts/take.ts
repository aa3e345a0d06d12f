import { ALLOW_WHEN_FULL } from "./common.js";

/**
 * Takes messages: from their lists to the unacked hash in one step, so that there is no moment when a message is nowhere.
 *
 * ARGV: prefix · connection · how often it was made anew · lease (milliseconds) · how many at most · bytes at most ·
 *       queues in their turn…
 * What was sent over a connection that has been replaced since (see HELD_LUA) takes nothing: nobody would know of it.
 * Returns: {token of the first message ("" for none), then for each run of messages of one list:
 *           index of the queue (from 0), step, count, envelopes…}
 */
export const TAKE_LUA = `
local FIRST = 7
${ALLOW_WHEN_FULL}
local lease_ms, free, bytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local epoch = tonumber(redis.call('GET', prefix .. 'lovage:epoch:' .. ARGV[2]))
if epoch and epoch > tonumber(ARGV[3]) then return {''} end
local runs, total = {}, 0
for _, step in ipairs(STEPS) do
  local open = {}
  for at = FIRST, #ARGV do open[#open + 1] = at end
  while free > 0 and #open > 0 do
    -- As many from each, so that a full queue does not starve the others.
    local share, still_open = math.max(1, math.floor(free / #open)), {}
    for _, at in ipairs(open) do
      local wanted = math.min(share, free, 200)
      local key = list_of(ARGV[at], step)
      local items = wanted > 0 and redis.pcall('LRANGE', key, -wanted, -1) or {}
      if not items.err and #items > 0 then
        local run = {at = at, step = step}
        for index = #items, 1, -1 do
          -- One at least, however large.
          if bytes <= 0 and total > 0 then free = 0 break end
          bytes = bytes - #items[index]
          run[#run + 1] = items[index]
          total = total + 1
        end
        redis.call('LTRIM', key, 0, -(#run + 1))
        free = math.max(0, free - #run)
        if #run > 0 then runs[#runs + 1] = run end
        if #run == wanted then still_open[#still_open + 1] = at end
      end
    end
    open = still_open
  end
end

local reply = {''}
if total > 0 then
  local now = now_us()
  local now_ms = math.floor(now / 1000)
  local token = take_tokens(total, now)
  reply[1] = int(token)
  local score, lease = string.format('%.6f', now / 1000000), int(now_ms + lease_ms)
  local start = 'lovage:' .. ARGV[2] .. ':' .. int(token) .. '+'
  local values, index, leases, number, at, out = {}, {}, {}, 0, 0, 1
  for _, run in ipairs(runs) do
    local queue, count = ARGV[run.at], #run
    local rest, suffix = ':' .. run.step .. ':' .. queue, suffix_of(queue)
    reply[out + 1], reply[out + 2], reply[out + 3] = run.at - FIRST, run.step, count
    out = out + 3
    for each = 1, count do
      local envelope, tag = run[each], start .. number .. rest
      values[at + 1], values[at + 2] = tag, '[' .. envelope .. suffix
      index[at + 1], index[at + 2] = score, tag
      leases[at + 1], leases[at + 2] = lease, tag
      number, at, out = number + 1, at + 2, out + 1
      reply[out] = envelope
    end
  end
  call_with('HSET', UNACKED, values)
  call_with('ZADD', INDEX, index)
  call_with('ZADD', LEASES, leases)
end
return reply
`;
