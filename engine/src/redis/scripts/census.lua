-- Who is there in a partition: users, live and parked sessions, and nodes whose lease lapsed.
-- KEYS: lease, users, live, parked.

local from = '(' .. text(NOW)
local lapsed, leases = {}, redis.call('HGETALL', KEYS[1])
for n = 1, #leases, 2 do
  if tonumber(leases[n + 1]) <= NOW then
    lapsed[#lapsed + 1] = leases[n]
  end
end
return {
  redis.call('ZCOUNT', KEYS[2], from, '+inf'),
  redis.call('ZCARD', KEYS[3]),
  redis.call('ZCOUNT', KEYS[4], from, '+inf'),
  lapsed,
}
