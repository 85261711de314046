-- A node wants to hear what happens at others; for a while, unless it says so again.
-- KEYS: listeners. ARGV: node, for how long.

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(NOW))
redis.call('ZADD', KEYS[1], text(NOW + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
