-- Takes a session off the lists that have it, if nothing else is known of it.
-- KEYS: session, live, parked, then those of nodes. ARGV: its id.

if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
for n = 2, #KEYS do
  redis.call(n < 4 and 'ZREM' or 'SREM', KEYS[n], ARGV[1])
end
return 1
