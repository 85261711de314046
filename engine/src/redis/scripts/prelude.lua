-- Before each script: the time, and which primary this is.
--
-- Numbers of streams and tickets must not be good twice. A primary that lost writes (restarted, or
-- promoted before it had them all) would give them again, so each partition notes which primary it
-- last met. A new one begins a new epoch: the time then, and more than any epoch given before. But a
-- slot of a cluster that moves takes all with it, from a primary that goes on.
--
-- The id of replication changes with each restart and promotion, but also when the first replica
-- comes or the last one stays away. Then the process is the same, and there is no second id.

local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)

local function text(number)
  return string.format('%.0f', number)
end

-- Begins an epoch of `key`'s partition, after `last`.
local function begin_epoch(key, id, run, last)
  local epoch = text(math.max(NOW * 1000, tonumber(last or '0') + 1))
  local met = text(NOW)
  redis.call('HSET', key, 'id', id, 'run', run, 'epoch', epoch, 'last', epoch, 'met', met)
  return epoch
end

-- The epoch in which `key`'s partition met this primary, and the last one that a stream was given.
-- If it has not met it, whoever keeps the partition must find out first what that means (`meet`).
local function epoch_of(key)
  local known = redis.call('HMGET', key, 'id', 'epoch', 'run', 'last')
  local info = redis.call('INFO', 'replication')
  -- Nearly always it is the same; to look for that is cheaper than to read what it is.
  local line = 'master_replid:' .. (known[1] or '-') .. '\r'
  local is_same = known[2] and string.find(info, line, 1, true)
  if is_same then
    return known[2], known[4]
  end
  local id = string.match(info, 'master_replid:(%x+)')
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local second = string.match(info, 'master_replid2:(%x+)') or ''
  if known[2] and known[3] == run and string.match(second, '^0*$') then
    redis.call('HSET', key, 'id', id)
    return known[2], known[4]
  end
  if known[2] then
    error(redis.error_reply('TRYAGAIN this partition has not met this primary'))
  end
  local epoch = begin_epoch(key, id, run)
  return epoch, epoch
end

-- Whether `key`'s partition met this primary less than `time` ago.
local function is_new(key, time)
  epoch_of(key)
  local age = NOW - tonumber(redis.call('HGET', key, 'met') or '0')
  return age >= 0 and age < time
end

-- Begins a user's stream anew, since its past is in doubt; returns its epoch.
local function begin_stream(primary, user, stream, last)
  local new = text(math.max(NOW * 1000, tonumber(last) + 1))
  redis.call('DEL', stream)
  redis.call('HSET', user, 'e', new, 'n', '0', 'f', '0', 'b', '0', 'r', 'x', 't', text(NOW),
    'v', 'e' .. new)
  redis.call('HSET', primary, 'last', new)
  return new
end

-- A user's epoch and head, in a stream whose past is not in doubt.
local function stream_of(primary, user, stream)
  local epoch, last = epoch_of(primary)
  local known = redis.call('HMGET', user, 'e', 'n')
  if not known[1] then
    return nil
  end
  if tonumber(known[1]) >= tonumber(epoch) then
    return known[1], tonumber(known[2])
  end
  return begin_stream(primary, user, stream, last), 0
end
