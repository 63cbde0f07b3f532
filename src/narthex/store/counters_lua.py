"""What a shared store does by itself, in one step each: two scripts of Redis and Valkey.

Knows: the law of the bucket once more, in Lua, and which clock to believe. Refuses to know: who sends them.

Every time is in ticks of the store's own logical clock, kept in `meta`. It follows the server's clock, but it never
goes back, and between two looks at it no further than `beat_ticks`: somebody looks every second, so a larger step is
not time that has passed. Where nobody looks for a while, it stands still; then buckets fill later, and never sooner.

`born`: every bucket was empty then. It is set when the server has started anew, or lost what it held, since what is in
it may be old, and what is not in it may have been there.
"""

# KEYS: meta, workers. ARGV: the server's run, a name for a new epoch, what we remember of an epoch, this worker,
# beat_ticks, seen_ticks. Returns the epoch, and how many workers there are.
ENTER = """
local time = redis.call('TIME')
local raw = (time[1] - 1735689600) * 10000000 + time[2] * 10
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'now', 'raw')
local epoch, now = meta[1], raw
if not epoch then
  epoch = ARGV[2]
  local born = 0
  if ARGV[3] ~= '' then born = raw end
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'born', string.format('%.0f', born))
else
  now = tonumber(meta[3]) + math.max(0, math.min(raw - tonumber(meta[4]), tonumber(ARGV[5])))
  if meta[2] ~= ARGV[1] then
    redis.call('HSET', KEYS[1], 'born', string.format('%.0f', now))
  end
end
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'now', string.format('%.0f', now), 'raw', string.format('%.0f', raw))
redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - tonumber(ARGV[6])))
return {epoch, redis.call('ZCARD', KEYS[2])}
"""

# KEYS: meta, workers, then one per want. ARGV: our epoch, this worker ('' leaves the workers as they are), beat_ticks,
# seen_ticks, then eight per want: kind, interval, burst or ceiling, amount, need, floor, charge, seconds to keep it.
# Kinds: r a bucket, q a quota, and R and Q what comes back unspent of either (its amount).
# Returns how many workers there are (0: not looked), then four numbers per want (`ports.Grant`).
LEASE = """
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'born', 'now', 'raw')
if meta[1] ~= ARGV[1] then return {-1} end
local time = redis.call('TIME')
local raw = (time[1] - 1735689600) * 10000000 + time[2] * 10
local now = tonumber(meta[3]) + math.max(0, math.min(raw - tonumber(meta[4]), tonumber(ARGV[3])))
local born = tonumber(meta[2])
local function text(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'now', text(now), 'raw', text(raw))
local found = {0}
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[2], text(now), ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - tonumber(ARGV[4])))
  found[1] = redis.call('ZCARD', KEYS[2])
end
for place = 3, #KEYS do
  local at = 4 + (place - 3) * 8
  local kind, interval, limit = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local amount, need = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local floor, charge, keep = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7]), ARGV[at + 8]
  local kept = tonumber(redis.call('GET', KEYS[place]) or '0')
  local granted, first, full, wait = 0, 0, 0, 0
  if kind == 'r' then
    if born > 0 then kept = math.max(kept, born + limit * interval) end
    if floor > 0 then kept = math.max(kept, now + floor) end
    first = math.max(kept, now)
    granted = math.min(amount, math.max(0, math.floor((limit * interval - (first - now)) / interval)))
    full = first + granted * interval
    wait = math.max(0, full - now - (limit - 1) * interval)
    if granted > 0 or floor > 0 then redis.call('SET', KEYS[place], text(full), 'EX', keep) end
    first, full = first - now, full - now
  elseif kind == 'q' then
    full = math.max(kept, floor) + charge
    if limit - full >= need then granted = math.min(amount, limit - full) end
    full = full + granted
    if full ~= kept then redis.call('SET', KEYS[place], text(full), 'EX', keep) end
  elseif kind == 'R' then
    if kept > 0 then redis.call('SET', KEYS[place], text(math.max(math.min(kept, now), kept - amount)), 'EX', keep) end
  elseif kept > 0 then
    redis.call('SET', KEYS[place], text(math.max(0, kept - amount)), 'EX', keep)
  end
  found[#found + 1] = granted
  found[#found + 1] = first
  found[#found + 1] = full
  found[#found + 1] = wait
end
return found
"""
