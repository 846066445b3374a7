-- Replaces the tags of a lease, which takes an entry's place or is in its header.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  all its tags, encoded
-- Returns 1, or 0 if the lease is gone.
if place == 'entry' then
  redis.call('SET', KEYS[1], string.sub(found, 1, 43) .. ARGV[3] .. '\n', 'KEEPTTL')
  return 1
end
local length = tonumber(string.sub(found, 28, 33)) or 0
if length < 34 then
  return 0
end
redis.call('SET', KEYS[1], string.sub(found, 1, 27) .. string.format('%06.0f ', 34 + #ARGV[3])
  .. string.sub(found, 35, 68) .. ARGV[3] .. string.sub(found, 35 + length), 'KEEPTTL')
return 1
