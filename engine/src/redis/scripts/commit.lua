-- Does what a step decided, if all that it looked at is as it was.
-- KEYS: primary, lease, mail, user, then single values that it looked at, then what it changes.
-- ARGV: epoch, time of the look, age at which that is too old, the user's version ('' for none);
-- how many leases, and of each the node and whether it held ('1') or not ('0'); how many single
-- values, and each ('' for none); then the changes, each with its number of words before it.

local epoch = epoch_of(KEYS[1])
local age = NOW - tonumber(ARGV[2])
if epoch ~= ARGV[1] or age > tonumber(ARGV[3]) or age < 0 then
  return false
end
if (redis.call('HGET', KEYS[4], 'v') or '') ~= ARGV[4] then
  return false
end
local at = 6
for _ = 1, tonumber(ARGV[5]) do
  local deadline = redis.call('HGET', KEYS[2], ARGV[at])
  local holds = deadline and tonumber(deadline) > NOW
  if (holds and '1' or '0') ~= ARGV[at + 1] then
    return false
  end
  at = at + 2
end
for n = 1, tonumber(ARGV[at]) do
  if (redis.call('GET', KEYS[4 + n]) or '') ~= ARGV[at + n] then
    return false
  end
end
at = at + tonumber(ARGV[at]) + 1
while at <= #ARGV do
  local words, first = tonumber(ARGV[at]), ARGV[at + 1]
  if first == 'JOIN' then
    -- A session that begins at the head, wherever that is by now.
    local head = redis.call('HMGET', KEYS[4], 'e', 'n')
    redis.call('HSET', KEYS[4], ARGV[at + 2], head[1] .. ' ' .. head[2])
  elseif first == 'MAIL' then
    local node = ARGV[at + 2]
    -- One without a lease is forgotten; should it come back, it looks after all that it has.
    if redis.call('HEXISTS', KEYS[2], node) == 1 then
      local count = redis.call('HINCRBY', KEYS[3], node, 1)
      redis.call('SPUBLISH', KEYS[3] .. ':' .. node, text(count) .. ' ' .. ARGV[at + 3])
    end
  elseif first == 'LAST' then
    local last = tonumber(redis.call('HGET', KEYS[1], 'last'))
    redis.call('HSET', KEYS[1], 'last', text(math.max(last, tonumber(ARGV[at + 2]))))
  else
    redis.call(unpack(ARGV, at + 1, at + words))
  end
  at = at + words + 1
end
local head = redis.call('HMGET', KEYS[4], 'e', 'n')
return { head[1] or '0', head[2] or '0' }
