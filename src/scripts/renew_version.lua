-- Prolongs the life of a tag's version, if it is still the captured one and its remaining time is too short.
-- KEYS[1]  the version's key
-- ARGV[1]  the captured version
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the shortest time that it must live, in milliseconds
-- Returns 1 if it is still the captured version, else 0.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found ~= 34 or string.sub(found, 6, 21) ~= ARGV[1]
    or (ARGV[2] ~= '' and string.sub(found, 23, 34) ~= ARGV[2]) then
  return 0
end
local need = tonumber(ARGV[3])
if redis.call('PTTL', KEYS[1]) < need then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', need * 2))
end
return 1
