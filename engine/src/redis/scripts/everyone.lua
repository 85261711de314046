-- A message to all nodes, or only its key, where there is no message.
-- KEYS: lease, mail, key. ARGV: fingerprint ('' for no key), id, how long keys are remembered,
-- message ('' for none).

if ARGV[1] ~= '' then
  local known = redis.call('GET', KEYS[3])
  if known then
    local print, receipt = string.match(known, '^(%x+) (.+)$')
    if print ~= ARGV[1] then
      return { 'reused', false }
    end
    return { 'again', receipt }
  end
end
local nodes = 0
if ARGV[4] ~= '' then
  local leases = redis.call('HGETALL', KEYS[1])
  for n = 1, #leases, 2 do
    if tonumber(leases[n + 1]) > NOW then
      local count = redis.call('HINCRBY', KEYS[2], leases[n], 1)
      redis.call('SPUBLISH', KEYS[2] .. ':' .. leases[n], text(count) .. ' x' .. ARGV[4])
      nodes = nodes + 1
    end
  end
end
local receipt = ARGV[2] .. ' ' .. text(nodes)
if ARGV[1] ~= '' then
  redis.call('SET', KEYS[3], ARGV[1] .. ' ' .. receipt, 'PX', ARGV[3])
end
return { 'new', receipt }
