-- Accepts a message: numbers it, keeps it, chooses its targets, and puts one envelope on its way
-- to each node that has one. `plan::settle`, `plan::matches` and `Stream::append` of the kernel are
-- the rules; the contract's suite asks both the same cases.
-- KEYS: primary, lease, mail, user, stream, key or keys.
-- ARGV: to whom, and which of them; a session that does not get it; whether it is volatile; its
-- time to live; bytes of its data; what does not change of it; most messages, most bytes and the
-- age that a stream keeps; fingerprint, id, and how long keys are remembered; until when the sender's
-- node is sure of it ('' for a backend); how long nodes may take to say whom they have; which of
-- the sender's keys it is ('' for a backend's, which is by itself), and how many of them are kept.

local to, which, except, volatile = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local most, most_bytes, most_age = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])

if ARGV[14] ~= '' and NOW >= tonumber(ARGV[14]) then
  return { 'late', false }
end
-- What users' sessions send is kept in a ring for each of them: the key, at its turn the name of it,
-- and how many there were.
local mine, turns, turn, old = ARGV[16], tonumber(ARGV[17]), 0, nil
if ARGV[11] ~= '' then
  local known
  if mine == '' then
    known = redis.call('GET', KEYS[6])
  else
    local kept = redis.call('HMGET', KEYS[6], mine, 'count')
    turn = tonumber(kept[2] or '0')
    local until_, at, what = string.match(kept[1] or '', '^(%d+) (%d+) (.+)$')
    if until_ and tonumber(until_) > NOW then
      known = what
    else
      old = at
    end
  end
  if known then
    local print, receipt = string.match(known, '^(%x+) (.+)$')
    if print ~= ARGV[11] then
      return { 'reused', false }
    end
    return { 'again', receipt }
  end
end

local function keep(receipt)
  local what = ARGV[11] .. ' ' .. receipt
  if mine == '' then
    redis.call('SET', KEYS[6], what, 'PX', ARGV[13])
    return
  end
  local at = text(turn % turns)
  local oldest = turn >= turns and redis.call('HGET', KEYS[6], at)
  what = table.concat({ text(NOW + tonumber(ARGV[13])), at, what }, ' ')
  redis.call('HSET', KEYS[6], mine, what, at, mine, 'count', text(turn + 1))
  redis.call('PEXPIRE', KEYS[6], ARGV[13])
  if oldest and oldest ~= mine then
    redis.call('HDEL', KEYS[6], oldest)
  end
  if old and old ~= at then
    -- One that was over is new; it is not the oldest when its old turn comes.
    redis.call('HDEL', KEYS[6], old)
  end
end

local function answer(epoch, seq, live, parked)
  local receipt = table.concat({ ARGV[12], epoch, seq, live, parked }, ' ')
  if ARGV[11] ~= '' then
    keep(receipt)
  end
  return { 'new', receipt }
end

-- Rows: session, device, class, node ('' if parked), until, active, created; least id first.
local known = redis.call('HMGET', KEYS[4], 'h', 'e', 'n', 'f', 'b', 't', 'r')
local rows, people, leases = known[1], {}, {}
local function holds(node)
  if leases[node] == nil then
    local deadline = redis.call('HGET', KEYS[2], node)
    leases[node] = (deadline and tonumber(deadline) > NOW) or false
  end
  return leases[node]
end
for _, row in ipairs(rows and cjson.decode(rows) or {}) do
  local live = row[4] ~= '' and holds(row[4])
  if row[4] ~= '' or row[5] > NOW then
    people[#people + 1] = { row = row, live = live }
  end
end
if #people == 0 then
  -- Of a user who is not known at all, a partition that has just met this primary cannot say that she
  -- is not there: nodes that have her sessions may not have said so yet.
  if not known[2] and is_new(KEYS[1], tonumber(ARGV[15])) then
    return { 'unsure', false }
  end
  return answer('0', '0', '0', '0')
end

local active = '-'
if to == 'active' then
  local best
  for _, one in ipairs(people) do
    local row = one.row
    local rank = { one.live and 1 or 0, row[6] > row[7] and row[6] or 0, row[7] }
    local better = true
    for n = 1, 3 do
      if best and rank[n] ~= best[n] then
        better = rank[n] > best[n]
        break
      end
    end
    if better then
      best, active = rank, row[1]
    end
  end
  to, which = 'session', active
end

local place = { all = 0, session = 1, device = 2, class = 3 }
local column = place[to]
local nodes, seen, live, parked = {}, {}, 0, 0
for _, one in ipairs(people) do
  local row = one.row
  if (column == 0 or row[column] == which) and row[1] ~= except then
    if one.live then
      live = live + 1
      if not seen[row[4]] then
        seen[row[4]] = true
        nodes[#nodes + 1] = row[4]
      end
    elseif not volatile then
      parked = parked + 1
    end
  end
end

local expires = '0'
if ARGV[5] ~= '' then
  expires = text(NOW + tonumber(ARGV[5]))
end
local epoch, seq, number = '0', 0, '0'
if not volatile then
  local began, last = epoch_of(KEYS[1])
  if tonumber(known[2]) < tonumber(began) then
    local new = begin_stream(KEYS[1], KEYS[4], KEYS[5], last)
    known = { rows, new, '0', '0', '0', text(NOW), 'x' }
  end
  epoch, seq = known[2], tonumber(known[3]) + 1
  number = text(seq)
end
local message = table.concat({ epoch, number, text(NOW), expires, active }, ' ') .. '\n'
  .. ARGV[7]

if not volatile then
  local floor, bytes, reason = tonumber(known[4]), tonumber(known[5]), known[7]
  -- A look at the oldest from time to time is enough: what is older than it must be does no harm.
  local old = NOW - tonumber(known[6]) >= most_age / 4
  if old and floor < seq - 1 and redis.call('XLEN', KEYS[5]) == 0 then
    floor, bytes, reason = seq - 1, 0, 'x'
  end
  redis.call('XADD', KEYS[5], number .. '-0', 'l', ARGV[6], 'm', message)
  bytes = bytes + tonumber(ARGV[6])
  local trimmed = floor
  local function oldest()
    local entry = redis.call('XRANGE', KEYS[5], text(trimmed + 1) .. '-0', '+', 'COUNT', 1)[1]
    return tonumber(entry[2][2]), entry[2][4]
  end
  local function drop(length, why)
    trimmed, bytes, reason = trimmed + 1, bytes - length, why
  end
  while old and trimmed < seq do
    local length, entry = oldest()
    local at = string.match(entry, '^%d+ %d+ (%d+) ')
    if tonumber(at) + most_age > NOW then
      break
    end
    drop(length, 'x')
  end
  while seq - trimmed > most or bytes > most_bytes do
    drop(oldest(), 'o')
  end
  if trimmed > floor then
    redis.call('XTRIM', KEYS[5], 'MINID', '=', text(trimmed + 1) .. '-0')
  end
  if old or floor == seq - 1 then
    -- Until the next such look, and for the age after that.
    redis.call('PEXPIRE', KEYS[5], text(most_age * 1.25 + 1000))
    redis.call('HSET', KEYS[4], 't', text(NOW))
  end
  if trimmed == tonumber(known[4]) and reason == known[7] then
    redis.call('HSET', KEYS[4], 'n', number, 'b', text(bytes))
  else
    redis.call('HSET', KEYS[4], 'n', number, 'f', text(trimmed), 'b', text(bytes), 'r', reason)
  end
end

for _, node in ipairs(nodes) do
  local count = redis.call('HINCRBY', KEYS[3], node, 1)
  redis.call('SPUBLISH', KEYS[3] .. ':' .. node, text(count) .. ' m' .. message)
end
return answer(epoch, number, text(live), text(parked))
