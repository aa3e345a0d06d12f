import { defineScript } from "../../connections/redis.js";

/**
 * Stores results as Celery does: `SET key meta PX …` and `PUBLISH key meta`, in one step, unless the rule of `ResultBackend.store`
 * refuses. A result is small and there are many: one call carries all of a turn of the event loop.
 *
 * KEYS: the results' keys.
 * ARGV: milliseconds to live (0 for ever), then three for each key: the meta's text with its fence behind it (see fence.ts); the fence
 * in decimal, or "" for none; "1" if this write may have been carried out before.
 * Returns for each key 1 (stored), 0 (refused), or the text of the error that this key alone met.
 *
 * Only the two ends of what is stored are read: it may be a megabyte. Python and we write the status first.
 */
export const STORE_RESULTS = defineScript(`
local lifetime = ARGV[1]
local VALUES = {[32] = 0, [9] = 1, [10] = 2, [13] = 3}

local function fence_behind(key)
  local digits = string.match(redis.call('GETRANGE', key, -32, -1), '[ \\t\\r\\n]*$')
  if digits == '' then return digits, nil end
  local fence = 0
  for at = 1, #digits do fence = fence * 4 + VALUES[string.byte(digits, at)] end
  return digits, fence
end

local function is_success(key, head)
  local status = string.match(head, '^{"status":%s*"([^"\\\\]*)"')
  if not status then
    local fine, meta = pcall(cjson.decode, redis.call('GET', key))
    status = fine and type(meta) == 'table' and meta.status
  end
  return status == 'SUCCESS'
end

local function may_replace(key, head, fence, stored)
  if fence and fence > (stored or -1) then return true end
  if fence and stored and fence < stored then return false end
  return not is_success(key, head)
end

local function failed(reply)
  return type(reply) == 'table' and reply.err
end

local function store(key, text, fence, again)
  local head = redis.pcall('GETRANGE', key, 0, 47)
  if failed(head) then return head.err end
  if head ~= '' then
    local digits, stored = fence_behind(key)
    -- A write without a fence leaves the one there is.
    if not fence then text = text .. digits end
    if again and redis.call('GET', key) == text then return 1 end
    if not may_replace(key, head, fence, stored) then return 0 end
  end
  local reply
  if lifetime == '0' then reply = redis.pcall('SET', key, text) else reply = redis.pcall('SET', key, text, 'PX', lifetime) end
  if failed(reply) and not reply.ok then return reply.err end
  redis.pcall('PUBLISH', key, text)
  return 1
end

local replies = {}
for at, key in ipairs(KEYS) do
  local reply = store(key, ARGV[at * 3 - 1], tonumber(ARGV[at * 3]), ARGV[at * 3 + 1] == '1')
  -- This server takes no writes at all: the client is to find the one that does.
  if type(reply) == 'string' and string.find(reply, 'READONLY', 1, true) then
    return redis.error_reply("READONLY this server is a replica")
  end
  replies[at] = reply
end
return replies
`);
