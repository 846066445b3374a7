-- Prolongs a lease, which takes an entry's place or is in its header.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  its new time to live in milliseconds
-- Returns 1, or 0 if the lease is gone.
if place == 'entry' then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(ARGV[3]) + tail))
  return 1
end
if string.sub(found, 35, 36) ~= 'h ' then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('SET', KEYS[1], string.sub(found, 1, 49) .. string.format('%015.0f', now + tonumber(ARGV[3]))
  .. string.sub(found, 65), 'KEEPTTL')
return 1
