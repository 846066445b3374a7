-- Counts an entry under a tag, if the tag's version is still the captured one.
-- KEYS[1]  the version's key
-- KEYS[2]  the counter's key
-- ARGV[1]  the captured version
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the entry's key, as data
-- Returns 1 if it was counted, else 0.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found ~= 26 or string.sub(found, 6, 17) ~= ARGV[1]
    or (ARGV[2] ~= '' and string.sub(found, 19, 26) ~= ARGV[2]) then
  return 0
end
local added = redis.pcall('PFADD', KEYS[2], ARGV[3])
if type(added) == 'table' then
  -- The key holds another type.
  redis.call('DEL', KEYS[2])
  redis.call('PFADD', KEYS[2], ARGV[3])
end
-- A counter lives as long as its version.
local life = redis.call('PTTL', KEYS[1])
if life > 0 then
  redis.call('PEXPIRE', KEYS[2], life)
else
  redis.call('DEL', KEYS[2])
end
return 1
