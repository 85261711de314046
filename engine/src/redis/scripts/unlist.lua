-- Takes a user off the list of those who are kept out, if she is not any more.
-- KEYS: blocks, block. ARGV: user.

if redis.call('EXISTS', KEYS[2]) == 0 then
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
