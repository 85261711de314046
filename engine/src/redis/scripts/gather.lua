-- What a step looks at: time, epochs, a user with all sessions, leases, and single values.
-- KEYS: primary, lease, user, then single values.

local epoch, last = epoch_of(KEYS[1])
local values = {}
for n = 4, #KEYS do
  values[n - 3] = redis.call('GET', KEYS[n])
end
local user, lease = redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[2])
return { text(NOW), epoch, last, user, lease, values }
