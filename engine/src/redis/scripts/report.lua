-- A node tells of itself; forgotten unless it does so again in time. Returns whether another node
-- wants to hear what happens at it.
-- KEYS: nodes, listeners. ARGV: node, what it tells, for how long.

local ttl = tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], text(NOW + ttl) .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < ttl then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
for _, listener in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], text(NOW), '+inf')) do
  if listener ~= ARGV[1] then
    return 1
  end
end
return 0
