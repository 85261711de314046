-- Ends a node's lease on a partition at once: its sessions there may be swept.
-- KEYS: lease. ARGV: node.

redis.call('HSET', KEYS[1], ARGV[1], '0')
return 1
