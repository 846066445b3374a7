-- Puts a lease in an entry's place, if the key still holds what was read.
-- KEYS[1]  the entry's key
-- ARGV[1]  stamp or token of what was read; '' if there was nothing, or nothing of ours
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the lease
-- ARGV[4]  its time to live in milliseconds, the tail included
-- Returns {1, the replaced value's time to live, when it would have expired}, both in milliseconds (the latter on the
-- server's clock), both 0 if there was nothing; or {0, the current value, its PTTL}.
local found = redis.pcall('GET', KEYS[1])
local name = ''
if type(found) == 'string' and #found >= 27
    and (string.sub(found, 1, 5) == 'hw2e ' or string.sub(found, 1, 5) == 'hw2l ')
    and (ARGV[2] == '' or string.sub(found, 19, 26) == ARGV[2]) then
  name = string.sub(found, 6, 17)
  if string.sub(found, 4, 4) == 'l' and redis.call('PTTL', KEYS[1]) < (tonumber(string.sub(found, 28, 42)) or 0) then
    -- Less than its tail is left: the lease has run out and counts as nothing.
    name = ''
  end
end
if name ~= ARGV[1] then
  if name == '' then
    return {0, false, -2}
  end
  return {0, found, redis.call('PTTL', KEYS[1])}
end
local left = redis.call('PTTL', KEYS[1])
local ends = 0
if left > 0 then
  local time = redis.call('TIME')
  ends = left + tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
else
  left = 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return {1, left, ends}
