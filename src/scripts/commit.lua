-- Stores an entry if its lease is still there, in the entry's place or in its header.
-- KEYS[1]  the entry's key
-- ARGV[1]  the lease's token
-- ARGV[2]  the required replication id, or '' for any
-- ARGV[3]  the entry
-- ARGV[4]  its physical time to live in milliseconds
-- Returns 1, or 0 if the lease is gone.
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
