-- A partition meets the primary that keeps it now, unless it knows it.
-- If its last one is among those that are there and have lost nothing since, it has moved from there
-- as it was. If not, what it knows is in doubt, and a new epoch begins. So it does if this one was
-- promoted in place of its last one, which may not have heard of it and goes on.
-- KEYS: primary. ARGV: of each other primary that is there, its id and its process.

local info = redis.call('INFO', 'replication')
local id = string.match(info, 'master_replid:(%x+)')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local known = redis.call('HMGET', KEYS[1], 'id', 'epoch', 'run', 'last')
if known[1] == id and known[2] then
  return 0
end
local replaced = string.match(info, 'master_replid2:(%x+)')
local may_move = known[2] and known[1] ~= replaced
for n = 1, #ARGV, 2 do
  if may_move and known[1] == ARGV[n] and known[3] == ARGV[n + 1] then
    redis.call('HSET', KEYS[1], 'id', id, 'run', run)
    return 0
  end
end
begin_epoch(KEYS[1], id, run, known[4])
return 1
