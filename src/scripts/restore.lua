-- Puts an entry back where a lease has taken its place, for the rest of its life.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the origin to be met, or '' where any will do
-- ARGV[3]  the entry
-- ARGV[4]  when it ends, in milliseconds of the server's clock
-- Returns 1, or 0 where the lease is gone.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found < 36 or string.sub(found, 1, 5) ~= 'hw1l '
    or (ARGV[2] ~= '' and string.sub(found, 23, 34) ~= ARGV[2]) or string.sub(found, 6, 21) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local left = tonumber(ARGV[4]) - tonumber(time[1]) * 1000 - math.floor(tonumber(time[2]) / 1000)
if left > 0 then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', string.format('%.0f', left))
else
  redis.call('DEL', KEYS[1])
end
return 1
