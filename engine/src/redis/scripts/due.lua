-- What time may have ended in a partition: sessions, and nodes whose lease lapsed.
-- KEYS: lease, live, parked. ARGV: how many sessions at most.

local most = tonumber(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(NOW), 'LIMIT', 0, most)
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(NOW), 'LIMIT', 0, most)
for _, session in ipairs(old) do
  due[#due + 1] = session
end
local lapsed, leases = {}, redis.call('HGETALL', KEYS[1])
for n = 1, #leases, 2 do
  if tonumber(leases[n + 1]) <= NOW then
    lapsed[#lapsed + 1] = leases[n]
  end
end
return { due, lapsed }
