-- Takes the holder off the lease inside an entry until a backoff has passed. Each further failure doubles the backoff.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the first backoff in milliseconds
-- ARGV[3]  the longest backoff in milliseconds
-- Returns 1, or 0 if the lease is gone.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found < 68 or string.sub(found, 1, 5) ~= 'hw2e '
    or string.sub(found, 28, 33) == '000000' or string.sub(found, 37, 48) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local level = math.min(tonumber(string.sub(found, 66, 67)) or 0, 30)
local wait = math.min(tonumber(ARGV[2]) * 2 ^ level, tonumber(ARGV[3]))
redis.call('SET', KEYS[1], string.sub(found, 1, 34) .. 'b' .. string.sub(found, 36, 49)
  .. string.format('%015.0f %02.0f', now + wait, level + 1) .. string.sub(found, 68), 'KEEPTTL')
return 1
