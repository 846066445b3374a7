-- Prolongs the life of a tag's version, if it is still the captured one and its remaining time is too short.
-- KEYS[1]  the version's key
-- ARGV[1]  the captured version
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the shortest time that it must live, in milliseconds
-- Returns how many milliseconds it lives from now on, or 0 if it is not the captured version any more.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found ~= 26 or string.sub(found, 6, 17) ~= ARGV[1]
    or (ARGV[2] ~= '' and string.sub(found, 19, 26) ~= ARGV[2]) then
  return 0
end
local need = tonumber(ARGV[3])
local left = redis.call('PTTL', KEYS[1])
if left < need then
  left = need * 2
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))
end
return left
