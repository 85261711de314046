-- Takes a user off a list, if what it is the list of is not kept of her any more.
-- KEYS: list, what is kept. ARGV: user.

if redis.call('EXISTS', KEYS[2]) == 0 then
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
