-- Holds a node's lease on a partition for longer, and says what the node should know by now: the
-- epoch, how many envelopes were sent to it, how many sessions it has, whether its lease had lapsed, so
-- that others may have taken it for lost, and until when it lasts now.
-- KEYS: primary, lease, mail, the node's sessions. ARGV: node, how long.

local epoch = epoch_of(KEYS[1])
local deadline = redis.call('HGET', KEYS[2], ARGV[1])
local lapsed = not deadline or tonumber(deadline) <= NOW
local until_ = text(NOW + tonumber(ARGV[2]))
redis.call('HSET', KEYS[2], ARGV[1], until_)
local count = redis.call('HGET', KEYS[3], ARGV[1]) or '0'
if lapsed then
  -- While it had lapsed the node was sent nothing. The next envelope must not look as if nothing had
  -- been before it: it may arrive before this answer does.
  count = text(redis.call('HINCRBY', KEYS[3], ARGV[1], 1))
end
return { epoch, count, redis.call('SCARD', KEYS[4]), lapsed and 1 or 0, until_ }
