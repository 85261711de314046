-- What nodes told of themselves; what is too old goes.
-- KEYS: nodes.

local found, told = {}, redis.call('HGETALL', KEYS[1])
for n = 1, #told, 2 do
  local until_, text_ = string.match(told[n + 1], '^(%d+) (.*)$')
  if until_ and tonumber(until_) > NOW then
    found[#found + 1] = text_
  else
    redis.call('HDEL', KEYS[1], told[n])
  end
end
return found
