-- Stores an entry if its lease is still there, in the entry's place or in its header.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the entry
-- ARGV[4]  its physical time to live in milliseconds
-- Returns 1, or 0 if the lease is gone.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found < 36 or (ARGV[2] ~= '' and string.sub(found, 23, 34) ~= ARGV[2]) then
  return 0
end
local kind = string.sub(found, 1, 5)
if (kind == 'hw1l ' and string.sub(found, 6, 21) == ARGV[1])
    or (kind == 'hw1e ' and string.sub(found, 36, 41) ~= '000000' and string.sub(found, 45, 60) == ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
  return 1
end
return 0
