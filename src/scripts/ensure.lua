-- Returns a tag's current version. If there is none of ours, the offered version becomes current.
-- KEYS[1]  the version's key
-- ARGV[1]  the offered version, 12 characters
-- ARGV[2]  the writer's replication id, 8 characters
-- ARGV[3]  the required replication id, or '' for any
-- ARGV[4]  the shortest time that the version must live, in milliseconds
-- Returns the current version, 12 characters.
local found = redis.pcall('GET', KEYS[1])
local need = tonumber(ARGV[4])
if type(found) == 'string' and #found == 26 and string.sub(found, 1, 5) == 'hw2v '
    and (ARGV[3] == '' or string.sub(found, 19, 26) == ARGV[3]) then
  -- Extend to twice the need, so that most calls change nothing: each change is a push to everyone who tracks the key.
  if redis.call('PTTL', KEYS[1]) < need then
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', need * 2))
  end
  return string.sub(found, 6, 17)
end
redis.call('SET', KEYS[1], 'hw2v ' .. ARGV[1] .. ' ' .. ARGV[2], 'PX', string.format('%.0f', need * 2))
return ARGV[1]
