-- Finds a lease, which takes an entry's place or is in its header. Stands before the scripts that work on one.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- Returns 0 if the lease is gone. Otherwise `found` is the value, `place` is 'entry' or 'header', `tail` is the time that a lease
-- in an entry's place stays after it has run out, and the script goes on.
local found = redis.pcall('GET', KEYS[1])
local place
local tail = 0
if type(found) == 'string' and #found >= 36 and (ARGV[2] == '' or string.sub(found, 23, 34) == ARGV[2]) then
  local kind = string.sub(found, 1, 5)
  if kind == 'hw1l ' and string.sub(found, 6, 21) == ARGV[1] then
    tail = tonumber(string.sub(found, 36, 50)) or 0
    -- With less than its tail left, the lease has run out and counts as nothing.
    if redis.call('PTTL', KEYS[1]) >= tail then
      place = 'entry'
    end
  elseif kind == 'hw1e ' and string.sub(found, 36, 41) ~= '000000' and string.sub(found, 45, 60) == ARGV[1] then
    place = 'header'
  end
end
if not place then
  return 0
end
