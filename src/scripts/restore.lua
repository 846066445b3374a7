-- Puts an entry back in place of the lease that replaced it, for the rest of its time to live.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the entry; for a backoff, with a lease of this token in its header
-- ARGV[4]  when it expires, in milliseconds on the server's clock
-- ARGV[5]  the first backoff in milliseconds, or '' for none
-- ARGV[6]  the longest backoff in milliseconds
-- Returns 1, or 0 if the lease is gone.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found < 28 or string.sub(found, 1, 5) ~= 'hw2l '
    or (ARGV[2] ~= '' and string.sub(found, 19, 26) ~= ARGV[2]) or string.sub(found, 6, 17) ~= ARGV[1] then
  return 0
end
-- Less than its tail is left: the lease has run out and counts as nothing.
if redis.call('PTTL', KEYS[1]) < (tonumber(string.sub(found, 28, 42)) or 0) then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local left = tonumber(ARGV[4]) - now
if left <= 0 then
  redis.call('DEL', KEYS[1])
  return 1
end
local entry = ARGV[3]
if ARGV[5] ~= '' then
  local level = math.min(tonumber(string.sub(entry, 66, 67)) or 0, 30)
  local wait = math.min(tonumber(ARGV[5]) * 2 ^ level, tonumber(ARGV[6]))
  entry = string.sub(entry, 1, 34) .. 'b' .. string.sub(entry, 36, 49)
    .. string.format('%015.0f %02.0f', now + wait, level + 1) .. string.sub(entry, 68)
end
redis.call('SET', KEYS[1], entry, 'PX', string.format('%.0f', left))
return 1
