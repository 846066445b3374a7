-- Finds a lease, which takes an entry's place or is in its header. Stands before the scripts that work on one.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- Returns 0 if the lease is gone. Otherwise `found` is the value and `place` is 'entry' or 'header', and the script goes on.
local found = redis.pcall('GET', KEYS[1])
local place
if type(found) == 'string' and #found >= 36 and (ARGV[2] == '' or string.sub(found, 23, 34) == ARGV[2]) then
  local kind = string.sub(found, 1, 5)
  if kind == 'hw1l ' and string.sub(found, 6, 21) == ARGV[1] then
    place = 'entry'
  elseif kind == 'hw1e ' and string.sub(found, 36, 41) ~= '000000' and string.sub(found, 45, 60) == ARGV[1] then
    place = 'header'
  end
end
if not place then
  return 0
end
