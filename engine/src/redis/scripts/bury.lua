-- Forgets a node whose lease lapsed, once it has no session.
-- KEYS: lease, mail, the node's sessions. ARGV: node.

local deadline = redis.call('HGET', KEYS[1], ARGV[1])
if deadline and tonumber(deadline) <= NOW and redis.call('SCARD', KEYS[3]) == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  return 1
end
return 0
