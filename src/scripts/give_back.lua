-- Removes a lease. If the lease is inside an entry, the entry stays.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- Returns 1, or 0 if the lease is gone.
local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or #found < 28 then
  return 0
end
local kind = string.sub(found, 1, 5)
if kind == 'hw2l ' and string.sub(found, 6, 17) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return 1
end
local length = tonumber(string.sub(found, 28, 33)) or 0
if kind == 'hw2e ' and length >= 34 and string.sub(found, 37, 48) == ARGV[1] then
  redis.call('SET', KEYS[1], string.sub(found, 1, 27) .. '000000 ' .. string.sub(found, 35 + length), 'KEEPTTL')
  return 1
end
return 0
