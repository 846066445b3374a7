-- Gives an entry whose header holds a lease a new header and a new time to live. Its payload stays.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the stamp that the entry has
-- ARGV[4]  the new header
-- ARGV[5]  the length of the present header after the lease, in bytes
-- ARGV[6]  its physical time to live in milliseconds
-- Returns 1, or 0 if the lease is gone.
if place ~= 'header' or string.sub(found, 6, 17) ~= ARGV[3] then
  return 0
end
local length = tonumber(string.sub(found, 28, 33)) or 0
redis.call('SET', KEYS[1], ARGV[4] .. string.sub(found, 35 + length + tonumber(ARGV[5])), 'PX', ARGV[6])
return 1
