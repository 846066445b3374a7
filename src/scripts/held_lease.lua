-- Finds a lease, which takes an entry's place or is in its header. Stands before the scripts that work on one.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- Returns 0 if the lease is gone. Otherwise `found` is the value, `place` is 'entry' or 'header', `tail` is the time that a lease
-- in an entry's place stays after it has run out, and the script goes on.
local found = redis.pcall('GET', KEYS[1])
local place
local tail = 0
if type(found) == 'string' and #found >= 28 and (ARGV[2] == '' or string.sub(found, 19, 26) == ARGV[2]) then
  local kind = string.sub(found, 1, 5)
  if kind == 'hw2l ' and string.sub(found, 6, 17) == ARGV[1] then
    tail = tonumber(string.sub(found, 28, 42)) or 0
    -- With less than its tail left, the lease has run out and counts as nothing.
    if redis.call('PTTL', KEYS[1]) >= tail then
      place = 'entry'
    end
  elseif kind == 'hw2e ' and string.sub(found, 28, 33) ~= '000000' and string.sub(found, 37, 48) == ARGV[1] then
    place = 'header'
  end
end
if not place then
  return 0
end
