-- Puts a lease into the header of an entry, if the entry is still the one that was read and holds no live lease.
-- KEYS[1]  the entry's key
-- ARGV[1]  the entry's stamp
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the new lease's token, 12 characters
-- ARGV[4]  the new lease's tags, encoded
-- ARGV[5]  its time to live in milliseconds
-- Returns {1}; {2, the current lease, its remaining time in milliseconds}; or {0, the current value, its PTTL}.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found < 34
    or (string.sub(found, 1, 5) ~= 'hw2e ' and string.sub(found, 1, 5) ~= 'hw2l ')
    or (ARGV[2] ~= '' and string.sub(found, 19, 26) ~= ARGV[2]) then
  return {0, false, -2}
end
if string.sub(found, 4, 4) ~= 'e' or string.sub(found, 6, 17) ~= ARGV[1] then
  return {0, found, redis.call('PTTL', KEYS[1])}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local length = tonumber(string.sub(found, 28, 33)) or 0
local level = 0
if length >= 34 then
  local deadline = tonumber(string.sub(found, 50, 64)) or 0
  if deadline > now then
    return {2, string.sub(found, 35, 34 + length), deadline - now}
  end
  -- Keep the level, so that the next failure backs off longer.
  level = tonumber(string.sub(found, 66, 67)) or 0
end
local lease = 'h ' .. ARGV[3] .. ' ' .. string.format('%015.0f %02.0f ', now + tonumber(ARGV[5]), level) .. ARGV[4]
redis.call('SET', KEYS[1],
  string.sub(found, 1, 27) .. string.format('%06.0f ', #lease) .. lease .. string.sub(found, 35 + length), 'KEEPTTL')
return {1}
